import { createPublicKey, type KeyObject } from "node:crypto";
import { z } from "zod";

/** A public key that checks tokens, as a JWK without anything but the key itself (RFC 7517). */
export interface PublicKey {
  readonly jwk: PublicJwk;
  /** Its `kid`. */
  readonly id: string | undefined;
  /** The only algorithms it may be used with. */
  readonly algorithms: readonly string[];
}

const base64url = z.string().regex(/^[A-Za-z0-9_-]+$/);
const shape = z.discriminatedUnion("kty", [
  // 2048 bits: less can be broken (RFC 7518, section 3.3).
  z.object({ kty: z.literal("RSA"), n: base64url.min(342), e: base64url }),
  z.object({ kty: z.literal("EC"), crv: z.enum(["P-256", "P-384", "P-521"]), x: base64url, y: base64url }),
  z.object({ kty: z.literal("OKP"), crv: z.literal("Ed25519"), x: base64url }),
]);

type PublicJwk = z.infer<typeof shape>;

const purpose = z.looseObject({
  kid: z.string().optional(),
  alg: z.string().optional(),
  use: z.literal("sig").optional(),
  key_ops: z.array(z.string()).optional(),
});

const curves = { "P-256": "ES256", "P-384": "ES384", "P-521": "ES512" } as const;
const forRsa = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];

/** Every algorithm that some public key is for. */
export const publicKeyAlgorithms: ReadonlySet<string> = new Set([...forRsa, ...Object.values(curves), "EdDSA"]);

/** The public key in a PEM file. Throws an Error that says what it is instead, or what to do. */
export function publicKeyFromPem(pem: string): PublicKey {
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem))
    throw new Error(
      "That is a private key; give the public one that belongs to it, which `openssl pkey -pubout` makes",
    );
  const parsed = shape.safeParse(parsePem(pem).export({ format: "jwk" }));
  if (parsed.success) return { jwk: parsed.data, id: undefined, algorithms: algorithmsFor(parsed.data) };
  throw new Error("That key checks no tokens: give RSA of 2048 bits or more, EC P-256, P-384 or P-521, or Ed25519");
}

/** The keys in a JWK set that check tokens; others, say for encryption, are left out. Throws an Error when it is no JWK set. */
export function publicKeysIn(set: unknown): readonly PublicKey[] {
  const { keys } = z.object({ keys: z.array(z.unknown()) }).parse(set);
  return keys.flatMap((key) => publicKeyFrom(key) ?? []);
}

function publicKeyFrom(key: unknown): PublicKey | undefined {
  const jwk = shape.safeParse(key);
  const meant = purpose.safeParse(key);
  if (!jwk.success || !meant.success) return undefined;
  const { kid, alg, key_ops } = meant.data;
  if (key_ops && !key_ops.includes("verify")) return undefined;
  const algorithms = algorithmsFor(jwk.data).filter((name) => alg === undefined || alg === name);
  return { jwk: jwk.data, id: kid, algorithms };
}

function algorithmsFor(jwk: PublicJwk): readonly string[] {
  if (jwk.kty === "RSA") return forRsa;
  return jwk.kty === "EC" ? [curves[jwk.crv]] : ["EdDSA"];
}

function parsePem(pem: string): KeyObject {
  try {
    return createPublicKey(pem);
  } catch {
    throw new Error("That is no public key in PEM, which begins with -----BEGIN PUBLIC KEY-----");
  }
}
