import { type Context, Hono } from "hono";
import { z } from "zod";
import { clearedCookie, sessionCookie } from "../auth/cookie.ts";
import { credentialOf } from "../auth/credential.ts";
import type { Renewals } from "../auth/renewals.ts";
import { type Session, type Sessions, sessionOf } from "../auth/sessions.ts";
import { Failure } from "../protocol/failure.ts";
import { isoTime } from "../stream/accept.ts";
import { parseBody } from "./body.ts";
import type { Admitted, Call } from "./entrance.ts";

const most = 4096;
const wanted = z.strictObject({ connection: z.string("must be the id of a connection").min(1).max(256) });
const noStore = { "Cache-Control": "no-store" };

/**
 * `GET /` says who asks, `POST /` keeps the caller's token in a cookie, `DELETE /` forgets it, and `POST /refresh` lets an
 * open connection go on by the caller's newer token.
 */
export function sessionRoutes({ renewals, isSecure }: SessionRouteParts): Hono<Admitted> {
  return new Hono<Admitted>()
    .get("/", ({ var: { principal }, json }) => {
      const { subject, org, roles, scope, token } = principal;
      const expires_at = token ? isoTime(token.expiresAtMs) : null;
      return json({ subject, org, roles: [...roles], ...scope, expires_at }, 200, noStore);
    })
    .post("/", (call) => {
      const search = new URL(call.req.url).searchParams;
      const credential = credentialOf({ headers: call.req.raw.headers, search, stream: undefined });
      return began(call, sessionOf(call.var.principal, credential?.value), isSecure(call));
    })
    .delete("/", (call) => call.body(null, 204, { ...noStore, "Set-Cookie": clearedCookie }))
    .post("/refresh", async (call) => {
      const { connection } = await parseBody(wanted, call, most);
      const { principal } = call.var;
      if (!principal.token) throw new Failure("token_required", "A connection goes on by a new token only");
      await renewals.renew(connection, principal);
      return call.json({ connection, expires_at: isoTime(principal.token.expiresAtMs) }, 200, noStore);
    });
}

interface SessionRouteParts {
  readonly renewals: Renewals;
  /** Whether a browser came over TLS. */
  readonly isSecure: (call: Call) => boolean;
}

function began(call: Call, { token, expiresAtMs }: Session, isSecure: boolean): Response {
  const cookie = sessionCookie(token, { isSecure, expiresAtMs });
  return call.json({ expires_at: isoTime(expiresAtMs) }, 201, { ...noStore, "Set-Cookie": cookie });
}

/** `GET /session?ticket=`: a one-time link; the browser goes on to the page with a cookie instead of the ticket. */
export function linkRoute({ sessions, isSecure }: LinkParts): Hono<Admitted> {
  return new Hono<Admitted>().get("/", async (call) => {
    const tickets = call.req.queries("ticket") ?? [];
    const [ticket = ""] = tickets;
    if (tickets.length !== 1) throw new Failure("ticket_invalid", "The link has no ticket");
    const { token, expiresAtMs } = await sessions.open(ticket);
    const cookie = sessionCookie(token, { isSecure: isSecure(call), expiresAtMs });
    return call.body(null, 303, { ...noStore, Location: "./", "Set-Cookie": cookie });
  });
}

interface LinkParts {
  readonly sessions: Sessions;
  readonly isSecure: (call: Context<Admitted>) => boolean;
}
