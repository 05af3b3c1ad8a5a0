import { Hono } from "hono";
import { z } from "zod";
import type { Principal } from "../auth/principal.ts";
import type { Revocations, Revoked } from "../auth/revocations.ts";
import { Failure } from "../protocol/failure.ts";
import { parseBody } from "./body.ts";
import type { Admitted } from "./entrance.ts";

const most = 4096;
const name = z
  .string("must be a text")
  .min(1, "must not be empty")
  .max(1024, "must not be longer than 1024 characters");

const token = z.strictObject({ jti: name, expires_at: z.iso.datetime("must be a time in ISO 8601").exactOptional() });
const subject = z.strictObject({ sub: name });
const all = z.strictObject({ org: z.literal(true) });
const wanted = z.union([token, subject, all], {
  error: 'The body must be {"jti": …, "expires_at"?: …}, {"sub": …} or {"org": true}',
});

/**
 * `POST /api/revocations`: takes back one token, all of a subject, or all of the caller's org; of a caller with allow-lists
 * its own token, or all of its own subject.
 */
export function revocationRoutes({ revocations }: { readonly revocations: Revocations }): Hono<Admitted> {
  return new Hono<Admitted>().post("/", async (call) => {
    const { principal } = call.var;
    const what = revoked(await parseBody(wanted, call, most));
    requireOwn(principal, what);
    await revocations.revoke(principal.org, what);
    return call.body(null, 204, { "Cache-Control": "no-store" });
  });
}

/**
 * Checks that a principal with allow-lists takes back nothing but its own. Throws `forbidden`.
 *
 * Whose token another `jti` is, only its issuer knows.
 */
function requireOwn({ scope, subject, token }: Principal, what: Revoked): void {
  if (scope === undefined || ("sub" in what && what.sub === subject)) return;
  if ("jti" in what && what.jti === token?.id) return;
  throw new Failure(
    "forbidden",
    `A token with allow-lists revokes itself, or its own subject: {"sub":${JSON.stringify(subject)}}`,
  );
}

function revoked(said: z.infer<typeof wanted>): Revoked {
  if (!("jti" in said)) return said;
  const { jti, expires_at } = said;
  return expires_at === undefined ? { jti } : { jti, expiresAtMs: Date.parse(expires_at) };
}
