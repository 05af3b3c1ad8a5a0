import { CompactSign, decodeProtectedHeader, errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from "jose";
import { z } from "zod";
import type { Clock } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import { maybeJsonIn } from "../protocol/json.ts";
import { type Claims, parseClaims, toleranceMs } from "./claims.ts";
import { Jwks } from "./jwks.ts";
import { type PublicKey, publicKeyAlgorithms, publicKeyFromPem } from "./public-key.ts";
import { isSecretAlgorithm, SecretKey } from "./secret-key.ts";

/** Where a key comes from that checks tokens; secrets are bytes, 32 or more. */
export type KeySource =
  | { readonly kind: "secret"; readonly secret: Uint8Array }
  | { readonly kind: "pem"; readonly pem: string }
  | { readonly kind: "jwks"; readonly url: string };

interface KeysOptions {
  readonly clock: Clock;
  /** Who must have issued a token (`iss`). Default: anybody. */
  readonly issuer?: string | undefined;
  /** Whom a token must be meant for (`aud`). Default: anybody. */
  readonly audience?: string | undefined;
  /** Hears why published keys could not be fetched. Default: nobody does. */
  readonly report?: ((fault: unknown) => void) | undefined;
}

type VerifyKey = Parameters<typeof jwtVerify>[1];

const longest = 16_384;
const compact = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/;
const headShape = z.object({ alg: z.string(), kid: z.string().optional(), crit: z.undefined().optional() });

/** What matters in a token's header. Keys that it brings along or points to (`jwk`, `jku`, `x5c`, `x5u`) do not. */
type Head = z.infer<typeof headShape>;

/** The keys that check tokens. */
export class Keys {
  readonly #clock: Clock;
  readonly #rules: JWTVerifyOptions;
  readonly #secrets: readonly SecretKey[];
  readonly #pems: readonly PublicKey[];
  readonly #published: readonly Jwks[];

  /** Throws an Error that says what to do when a key is too short, private where it must not be, or none at all. */
  constructor(sources: readonly KeySource[], { clock, issuer, audience, report = () => {} }: KeysOptions) {
    this.#clock = clock;
    this.#rules = {
      clockTolerance: toleranceMs / 1000,
      requiredClaims: ["exp"],
      ...(issuer !== undefined && { issuer }),
      ...(audience !== undefined && { audience }),
    };
    this.#secrets = sources.filter((source) => source.kind === "secret").map(({ secret }) => new SecretKey(secret));
    this.#pems = sources.filter((source) => source.kind === "pem").map(({ pem }) => publicKeyFromPem(pem));
    const published = sources.filter((source) => source.kind === "jwks");
    this.#published = published.map(({ url }) => new Jwks(url, { clock, report }));
  }

  /**
   * The claims of a token that one of these keys has signed and that counts at this time, its clock 30 s off at the most.
   *
   * Throws `token_invalid`, `token_expired`, or `keys_away` when the keys that might have signed it were never fetched. No
   * message holds anything of the token.
   */
  async verify(token: string): Promise<Claims> {
    const head = headOf(token);
    const claims = isSecretAlgorithm(head.alg)
      ? await this.#bySecret(token, head.alg)
      : await this.#byPublic(token, head);
    if (claims === undefined) throw unsigned();
    if ((claims.iat ?? 0) * 1000 > this.#clock.now() + toleranceMs)
      throw new Failure("token_invalid", "The token was issued in the future (iat); is a clock wrong?");
    return claims;
  }

  async #bySecret(token: string, algorithm: Parameters<SecretKey["for"]>[0]): Promise<Claims | undefined> {
    for (const secret of this.#secrets) {
      const claims = await this.#try(token, await secret.for(algorithm), algorithm);
      if (claims) return claims;
    }
    return undefined;
  }

  async #byPublic(token: string, head: Head): Promise<Claims | undefined> {
    if (!publicKeyAlgorithms.has(head.alg)) return undefined;
    // A key from a file has no id; what the token calls it does not matter.
    const claims = await this.#tryAll(token, { alg: head.alg }, this.#pems);
    if (claims) return claims;
    for (const jwks of this.#published) {
      const found = await this.#byPublished(token, head, jwks);
      if (found) return found;
    }
    return undefined;
  }

  async #byPublished(token: string, head: Head, jwks: Jwks): Promise<Claims | undefined> {
    const keys = await jwks.keys();
    const claims = await this.#tryAll(token, head, keys);
    // Whose key is known and did not sign it, nobody has; any other may be new.
    if (claims || keys.some(({ id }) => id !== undefined && id === head.kid)) return claims;
    const others = await jwks.others(keys);
    return others && this.#tryAll(token, head, others);
  }

  async #tryAll(token: string, { alg, kid }: Head, keys: readonly PublicKey[]): Promise<Claims | undefined> {
    for (const { jwk, id, algorithms } of keys) {
      if (!algorithms.includes(alg) || (kid !== undefined && id !== kid)) continue;
      const claims = await this.#try(token, jwk, alg);
      if (claims) return claims;
    }
    return undefined;
  }

  /** The claims if that key signed them, undefined if it did not. Throws when it did and the token does not count. */
  async #try(token: string, key: VerifyKey, algorithm: string): Promise<Claims | undefined> {
    const currentDate = new Date(this.#clock.now());
    let payload: JWTPayload;
    try {
      ({ payload } = await jwtVerify(token, key, { ...this.#rules, algorithms: [algorithm], currentDate }));
    } catch (thrown) {
      // What was thrown may hold claims; nothing of it goes any further.
      if (thrown instanceof errors.JWTExpired) throw new Failure("token_expired", "The token has expired");
      if (thrown instanceof errors.JWTClaimValidationFailed) throw refusal(thrown.claim);
      return undefined;
    }
    return parseClaims(payload);
  }
}

/** A token signed with HS256. Throws an Error when the secret is shorter than 32 bytes. */
export async function signToken(claims: Claims, secret: Uint8Array): Promise<string> {
  const key = await new SecretKey(secret).for("HS256");
  const payload = new TextEncoder().encode(JSON.stringify(claims));
  return new CompactSign(payload).setProtectedHeader({ alg: "HS256", typ: "JWT" }).sign(key);
}

/** What a token says without anybody having checked it. Throws `token_invalid` when it says nothing. */
export function unverifiedClaims(token: string): Readonly<Record<string, unknown>> {
  const [, , payload = ""] = compact.exec(token) ?? [];
  const parsed = z.record(z.string(), z.unknown()).safeParse(maybeJsonIn(Buffer.from(payload, "base64url")));
  if (!parsed.success) throw malformed();
  return parsed.data;
}

/** The header of a signed token. Throws `token_invalid` when it is none, or asks for what we do not know (`crit`). */
function headOf(token: string): Head {
  const [, , , signature] = (token.length <= longest && compact.exec(token)) || [];
  // Base64url has several texts for some bytes; a token has one.
  if (signature === undefined || Buffer.from(signature, "base64url").toString("base64url") !== signature)
    throw malformed();
  const parsed = headShape.safeParse(headerIn(token));
  if (!parsed.success) throw malformed();
  return parsed.data;
}

function headerIn(token: string): unknown {
  try {
    return decodeProtectedHeader(token);
  } catch {
    return undefined;
  }
}

function malformed(): Failure {
  return new Failure("token_invalid", "That is not a signed token (JWT)");
}

function unsigned(): Failure {
  return new Failure("token_invalid", "The token is not signed with a key and an algorithm that count here");
}

const refusals: Readonly<Record<string, string>> = {
  iss: "The token was issued by somebody who does not count here (iss)",
  aud: "The token is meant for somebody else (aud)",
  nbf: "The token is not valid yet (nbf); is a clock wrong?",
};

function refusal(claim: string): Failure {
  return new Failure("token_invalid", refusals[claim] ?? `The token's claim "${claim}" is missing or wrong`);
}
