import { createHmac, createSign, generateKeyPairSync } from "node:crypto";
import type { AuthOptions } from "../../src/auth/auth.ts";
import { enforced, type Facts, secret, token } from "../support/tokens.ts";

const issuer = "https://login.example.com";
const audience = "skein";

function pair() {
  return generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
}

const rsa = pair();
const stranger = pair();

/** A gateway that takes tokens of one issuer for one audience, by a secret and by a public key. */
export const strict: AuthOptions = {
  ...enforced,
  keys: [
    { kind: "secret", secret },
    { kind: "pem", pem: rsa.publicKey },
  ],
  issuer,
  audience,
};

/** A token that counts at those gateways. */
export function tokenOf(facts: Facts): Promise<string> {
  return token({ iss: issuer, aud: audience, ...facts });
}

/** Who asks, and how that ends. */
export interface Asker {
  readonly name: string;
  readonly token: string | undefined;
  /** Why it is refused everywhere; undefined when its token counts. */
  readonly refused?: string;
  /** Whether it has a role but not that of a viewer. */
  readonly isNoViewer?: boolean;
  /** What of its org it may see: all, what is called `shared` and the crew `c1`, or nothing with a name. */
  readonly sees: "all" | "shared" | "nothing";
}

const everything = { sub: "mallory", org: "globex", roles: ["viewer", "operator", "publisher"] };

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}

/** A token whose claims are in order, under any header, signed in any way. */
function crafted(head: object, sign: (text: string) => string, facts: Facts = {}): string {
  const exp = Math.floor(Date.now() / 1000) + 3600;
  const text = `${encode(head)}.${encode({ ...everything, iss: issuer, aud: audience, exp, ...facts })}`;
  return `${text}.${sign(text)}`;
}

const byHmac = (key: string | Uint8Array) => (text: string) =>
  createHmac("sha256", key).update(text).digest("base64url");
const byRsa = (key: string) => (text: string) => createSign("RSA-SHA256").update(text).sign(key, "base64url");
const unsigned = () => "";

function derOf(pem: string): Uint8Array {
  return Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ""), "base64");
}

/** Claims replaced under the signature of another token. */
function underSignature(good: string, claims: object): string {
  const [head, , signature] = good.split(".");
  return `${head}.${encode(claims)}.${signature}`;
}

/** All who come with what must not count; what they say would open all of `globex`. */
async function impostors(): Promise<readonly Omit<Asker, "sees">[]> {
  const now = Math.floor(Date.now() / 1000);
  const own = await tokenOf({ org: "acme" });
  const claims = { ...everything, iss: issuer, aud: audience, exp: now + 3600 };
  const hs = { alg: "HS256", typ: "JWT" };
  const jwk = { kty: "RSA", n: "x".repeat(342), e: "AQAB" };
  const tokens: Readonly<Record<string, string>> = {
    "not yet valid": await tokenOf({ ...everything, nbf: now + 3600 }),
    "for another audience": await tokenOf({ ...everything, aud: "others" }),
    "of another issuer": await tokenOf({ ...everything, iss: "https://evil.example.com" }),
    "signed with another secret": await token(
      claims,
      new TextEncoder().encode("another secret of forty bytes, not ours!"),
    ),
    "signed with the public key as secret": crafted(hs, byHmac(rsa.publicKey)),
    "signed with the bytes of the public key as secret": crafted(hs, byHmac(derOf(rsa.publicKey))),
    "signed with a key that it brings along": crafted({ alg: "RS256", jwk }, byRsa(stranger.privateKey)),
    "signed with another private key": crafted({ alg: "RS256" }, byRsa(stranger.privateKey)),
    "that calls HMAC what is RSA": crafted({ alg: "RS256" }, byHmac(secret)),
    "with alg none": crafted({ alg: "none" }, unsigned),
    "with alg None and a signature": crafted({ alg: "None" }, byHmac(secret)),
    "that is unsigned": crafted(hs, unsigned),
    "with other claims under its signature": underSignature(own, claims),
    "that is no token": "globex",
  };
  const invalid = Object.entries(tokens).map(([name, text]) => ({ name, token: text, refused: "token_invalid" }));
  const expired = await tokenOf({ ...everything, exp: now - 60 });
  return [...invalid, { name: "that has expired", token: expired, refused: "token_expired" }];
}

/** Everybody who asks: those of `acme` whose tokens count, and all others. */
export async function askers(): Promise<readonly Asker[]> {
  const scope = { instances: ["shared"], crews: ["c1"] };
  const signed = crafted({ alg: "RS256" }, byRsa(rsa.privateKey), { org: "acme", roles: ["viewer"] });
  const bad = await impostors();
  return [
    { name: "a viewer", token: await tokenOf({ roles: ["viewer"] }), sees: "all" },
    { name: "a viewer by the public key", token: signed, sees: "all" },
    { name: "an operator", token: await tokenOf({ roles: ["viewer", "operator"] }), sees: "all" },
    { name: "an operator alone", token: await tokenOf({ roles: ["operator"] }), sees: "all", isNoViewer: true },
    { name: "one with allow-lists", token: await tokenOf({ roles: ["viewer"], ...scope }), sees: "shared" },
    { name: "one with a pattern", token: await tokenOf({ instances: ["shar*"], crews: ["c1*"] }), sees: "shared" },
    { name: "one with empty lists", token: await tokenOf({ instances: [], crews: [] }), sees: "nothing" },
    { name: "nobody", token: undefined, refused: "token_required", sees: "nothing" },
    ...bad.map((one) => ({ ...one, name: `one with a token ${one.name}`, sees: "nothing" as const })),
  ];
}
