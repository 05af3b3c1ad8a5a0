import { randomUUID } from "node:crypto";
import { type AuthOptions, openAuth } from "../../src/auth/auth.ts";
import { signToken } from "../../src/auth/jwt.ts";

/** The secret of every gateway of a test that asks for tokens. */
export const secret = new TextEncoder().encode("a secret of forty bytes, used in tests..");

/** A gateway that lets nobody in without a token. */
export const enforced: AuthOptions = { ...openAuth, mode: "enforced", keys: [{ kind: "secret", secret }] };

/** A gateway that lets everybody in, and checks the tokens that it is shown. */
export const openWithKey: AuthOptions = { ...enforced, mode: "open" };

/** What a token says besides the ordinary: an hour of everything in the org `acme`. */
export interface Facts {
  readonly sub?: string;
  readonly org?: string;
  readonly roles?: readonly string[];
  readonly instances?: readonly string[];
  readonly crews?: readonly string[];
  readonly jti?: string;
  /** Seconds since 1970. */
  readonly iat?: number;
  /** Seconds since 1970, fractions allowed. */
  readonly exp?: number;
  readonly nbf?: number;
  readonly [claim: string]: unknown;
}

/** A token that a gateway of a test takes. */
export function token(facts: Facts = {}, key = secret): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const ordinary = { sub: "ann", org: "acme", roles: ["viewer", "operator", "publisher"], jti: randomUUID() };
  return signToken({ ...ordinary, iat: now - 1, exp: now + 3600, ...facts }, key);
}

/** The header that shows a token. */
export function bearer(text: string): { readonly authorization: string } {
  return { authorization: `Bearer ${text}` };
}
