import {
  constants,
  createHmac,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  type SignKeyObjectInput,
  sign as signBytes,
} from "node:crypto";
import type { ManualClock } from "../support/clock.ts";

/** Tokens of a test's own, made without the library that checks them. */
export interface Signing {
  readonly alg: string;
  readonly key: KeyObject | Uint8Array;
  /** More of the header; `alg` too. */
  readonly header?: Readonly<Record<string, unknown>>;
}

export const secret = new Uint8Array(randomBytes(48));

export const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
export const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
export const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
export const p521 = generateKeyPairSync("ec", { namedCurve: "P-521" });
export const ed25519 = generateKeyPairSync("ed25519");

/** How each claim that matters is called. */
export const claimNames = { org: "org", roles: "roles", instances: "instances", crews: "crews" };

/** What a good token says, an hour long. */
export function goodClaims(clock: ManualClock): Record<string, unknown> {
  const now = Math.floor(clock.now() / 1000);
  return { sub: "ada", org: "acme", roles: ["viewer"], iat: now, exp: now + 3600, jti: "token-1" };
}

/** A token with these claims; a text or bytes are its payload as they are. */
export function sign(claims: Readonly<Record<string, unknown>> | string | Uint8Array, signing: Signing): string {
  const { alg, key, header } = signing;
  const payload = typeof claims === "string" || claims instanceof Uint8Array ? claims : JSON.stringify(claims);
  const text = `${encode(JSON.stringify({ alg, typ: "JWT", ...header }))}.${encode(payload)}`;
  return `${text}.${signature(text, alg, key)}`;
}

export function encode(part: string | Uint8Array): string {
  return Buffer.from(part).toString("base64url");
}

export function signature(text: string, alg: string, key: KeyObject | Uint8Array): string {
  const hash = `sha${alg.slice(2)}`;
  if (alg.startsWith("HS")) return createHmac(hash, key).update(text).digest("base64url");
  if (key instanceof Uint8Array) throw new Error("A secret signs with HS only");
  if (alg === "EdDSA") return signBytes(null, Buffer.from(text), key).toString("base64url");
  return signBytes(hash, Buffer.from(text), parametersOf(alg, key)).toString("base64url");
}

function parametersOf(alg: string, key: KeyObject): SignKeyObjectInput {
  if (alg.startsWith("ES")) return { key, dsaEncoding: "ieee-p1363" };
  if (alg.startsWith("RS")) return { key };
  return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
}

/** A public key as PEM. */
export function pemOf(key: KeyObject): string {
  return key.export({ format: "pem", type: "spki" }).toString();
}

/** A public key as a member of a JWK set. */
export function jwkOf(key: KeyObject, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { ...key.export({ format: "jwk" }), ...more };
}
