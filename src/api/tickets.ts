import { Hono } from "hono";
import { z } from "zod";
import type { Tickets } from "../auth/tickets.ts";
import { isoTime } from "../stream/accept.ts";
import { parseBody } from "./body.ts";
import type { Admitted } from "./entrance.ts";

const lifeMs = 30_000;
const most = 4096;

const wanted = z.strictObject({
  stream: z.string("must be the path of a stream").min(1, "must not be empty").max(2048),
});

/** `POST /api/tickets`: a ticket for a client that can set no header; it opens one stream, once, within 30 seconds. */
export function ticketRoutes({ tickets, streamName }: TicketRouteParts): Hono<Admitted> {
  return new Hono<Admitted>().post("/", async (call) => {
    const { stream } = await parseBody(wanted, call, most);
    const [path = ""] = stream.replace(/^\//, "").split("?", 1);
    const { ticket, expiresAtMs } = await tickets.issue(call.var.principal, { stream: streamName(path), lifeMs });
    return call.json({ ticket, expires_at: isoTime(expiresAtMs) }, 201, { "Cache-Control": "no-store" });
  });
}

interface TicketRouteParts {
  readonly tickets: Tickets;
  /** The one spelling of a stream's path. Throws `bad_request`. */
  readonly streamName: (path: string) => string;
}
