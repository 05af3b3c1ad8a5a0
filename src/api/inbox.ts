import { Hono } from "hono";
import { z } from "zod";
import type { Inbox } from "../mail/inbox.ts";
import { letterJson } from "../mail/letter-text.ts";
import { Failure } from "../protocol/failure.ts";
import { encodeToken } from "../protocol/subject.ts";
import { requireName } from "../stream/access.ts";
import { parseQuery, whole } from "../stream/query.ts";
import type { Admitted } from "./entrance.ts";

const query = z.strictObject({ limit: whole(10, [1, 100]) });

/** `GET /:agent?wait=&limit=`: the messages that wait for an agent, or come within `wait` seconds. */
export function inboxRoutes({ inbox, pollWaitMaxMs }: InboxRouteParts): Hono<Admitted> {
  return new Hono<Admitted>().get("/:agent", async (context) => {
    const { raw, url } = context.req;
    const { principal, visitor } = context.var;
    const search = new URL(url).searchParams;
    const { limit } = parseQuery(query, search);
    const waitMs = waitOf(search, pollWaitMaxMs);
    const agent = context.req.param("agent");
    encodeToken(agent);
    requireName(principal, "instances", agent);
    const settle = visitor.read();
    if (waitMs > 0) visitor.hold("connections");
    const { org } = principal;
    const letters = await inbox.take({ org, agent, limit, waitMs, signal: raw.signal }).finally(() => visitor.leave());
    const body = `{"messages":[${letters.map(letterJson).join(",")}]}`;
    settle(body.length);
    return context.body(body, 200, {
      "Content-Type": "application/json; charset=utf-8",
      "Cache-Control": "no-store",
    });
  });
}

interface InboxRouteParts {
  readonly inbox: Inbox;
  /** How long a request may be held. */
  readonly pollWaitMaxMs: number;
}

/** The same rule as that of a polled stream. */
function waitOf(search: URLSearchParams, mostMs: number): number {
  const [text, another] = search.getAll("wait");
  if (text === undefined) return 0;
  const seconds = /^\d{1,4}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (seconds * 1000 <= mostMs && another === undefined) return seconds * 1000;
  throw new Failure("bad_query", `Query parameter "wait": must be one number of seconds from 0 to ${mostMs / 1000}`);
}
