import { Hono } from "hono";
import { z } from "zod";
import { foreignOrigin, isSameOrigin } from "../auth/origin.ts";
import type { Principal } from "../auth/principal.ts";
import type { Inbox } from "../mail/inbox.ts";
import { letterJson } from "../mail/letter-text.ts";
import { Failure } from "../protocol/failure.ts";
import { encodeToken } from "../protocol/subject.ts";
import { parseQuery, whole } from "../stream/query.ts";

const query = z.strictObject({ limit: whole(10, [1, 100]) });

/** `GET /:agent?wait=&limit=`: the messages that wait for an agent, or come within `wait` seconds. */
export function inboxRoutes({ inbox, identify, pollWaitMaxMs }: InboxRouteParts): Hono {
  return new Hono().get("/:agent", async (context) => {
    const { raw, url } = context.req;
    if (!isFromHere(raw.headers)) throw foreignOrigin();
    const { org } = identify(raw.headers);
    const search = new URL(url).searchParams;
    const { limit } = parseQuery(query, search);
    const waitMs = waitOf(search, pollWaitMaxMs);
    const agent = context.req.param("agent");
    encodeToken(agent);
    const letters = await inbox.take({ org, agent, limit, waitMs, signal: raw.signal });
    return context.body(`{"messages":[${letters.map(letterJson).join(",")}]}`, 200, {
      "Content-Type": "application/json; charset=utf-8",
      "Cache-Control": "no-store",
    });
  });
}

interface InboxRouteParts {
  readonly inbox: Inbox;
  /** Who asks. */
  readonly identify: (headers: Headers) => Principal;
  /** How long a request may be held. */
  readonly pollWaitMaxMs: number;
}

/** Reading an inbox delivers what is in it; a page of another site can ask for it without saying its origin. */
function isFromHere(headers: Headers): boolean {
  const site = headers.get("sec-fetch-site");
  return isSameOrigin(headers) && (site === null || site === "same-origin" || site === "none");
}

/** The same rule as that of a polled stream. */
function waitOf(search: URLSearchParams, mostMs: number): number {
  const [text, another] = search.getAll("wait");
  if (text === undefined) return 0;
  const seconds = /^\d{1,4}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (seconds * 1000 <= mostMs && another === undefined) return seconds * 1000;
  throw new Failure("bad_query", `Query parameter "wait": must be one number of seconds from 0 to ${mostMs / 1000}`);
}
