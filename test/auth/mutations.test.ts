import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Keys } from "../../src/auth/jwt.ts";
import { Failure } from "../../src/protocol/failure.ts";
import { ManualClock } from "../support/clock.ts";
import * as made from "./tokens.ts";

const { sign, secret, rsa, p256, p384, p521, ed25519 } = made;
const clock = new ManualClock();
const signings: readonly made.Signing[] = [
  { alg: "HS256", key: secret },
  { alg: "HS512", key: secret },
  { alg: "RS256", key: rsa.privateKey },
  { alg: "PS384", key: rsa.privateKey },
  { alg: "ES256", key: p256.privateKey },
  { alg: "ES384", key: p384.privateKey },
  { alg: "ES512", key: p521.privateKey },
  { alg: "EdDSA", key: ed25519.privateKey },
];
const pems = [rsa, p256, p384, p521, ed25519].map(({ publicKey }) => made.pemOf(publicKey));
const keys = new Keys([{ kind: "secret", secret }, ...pems.map((pem) => ({ kind: "pem", pem }) as const)], { clock });
const tokens = signings.map((signing) => sign(made.goodClaims(clock), signing));

const anyText = fc.oneof(
  fc.string({ maxLength: 5 }),
  fc.string({ unit: "binary", maxLength: 3 }),
  fc.constantFrom(".", "=", " ", "\n", "A", "_", "-", "+", "/", "%", "\0"),
);

type Change = (token: string) => string;

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(fc.nat(), anyText).map(
    ([at, text]): Change =>
      (token) =>
        splice(token, at, 0, text),
  ),
  fc.tuple(fc.nat(), anyText).map(
    ([at, text]): Change =>
      (token) =>
        splice(token, at, text.length, text),
  ),
  fc.tuple(fc.nat(), fc.nat(20)).map(
    ([at, count]): Change =>
      (token) =>
        splice(token, at, count, ""),
  ),
  fc.nat().map(
    (bit): Change =>
      (token) =>
        flip(token, bit),
  ),
  fc.nat().map(
    (at): Change =>
      (token) =>
        `${token.slice(0, at % token.length)}`,
  ),
  fc.constant<Change>((token) => token + token),
  fc.constantFrom(...tokens).map(
    (other): Change =>
      (token) =>
        mix(token, other),
  ),
  fc.constantFrom("none", "HS256", "RS256", "ES256").map(
    (alg): Change =>
      (token) =>
        reheaded(token, alg),
  ),
);

function splice(token: string, at: number, count: number, text: string): string {
  const from = at % (token.length + 1);
  return token.slice(0, from) + text + token.slice(from + count);
}

/** Another signature by one bit: what is nearest to a good one. */
function flip(token: string, bit: number): string {
  const [head, body, mark = ""] = token.split(".");
  const bytes = Buffer.from(mark, "base64url");
  const at = bit % (bytes.length * 8 || 1);
  bytes[at >> 3] = (bytes[at >> 3] ?? 0) ^ (1 << (at & 7));
  return `${head}.${body}.${bytes.toString("base64url")}`;
}

function mix(token: string, other: string): string {
  return [...token.split(".").slice(0, 2), other.split(".")[2]].join(".");
}

function reheaded(token: string, alg: string): string {
  return [made.encode(JSON.stringify({ alg, typ: "JWT" })), ...token.split(".").slice(1)].join(".");
}

/** Whether a text holds eight characters in a row of another. */
function shares(text: string, other: string): boolean {
  for (let at = 0; at + 8 <= text.length; at += 1) if (other.includes(text.slice(at, at + 8))) return true;
  return false;
}

async function refusalOf(by: Keys, token: string): Promise<Failure> {
  const thrown: unknown = await by.verify(token).catch((reason: unknown) => reason);
  if (!(thrown instanceof Failure)) throw new Error(`Not refused as it should be: ${token}`, { cause: thrown });
  // A cause would go to our own log.
  expect(thrown.cause).toBeUndefined();
  return thrown;
}

describe("a good token that was changed", () => {
  test("is never accepted, and no message shows anything of it or of a key", async () => {
    const cases = fc.tuple(fc.constantFrom(...tokens), fc.array(change, { minLength: 1, maxLength: 3 }));
    await fc.assert(
      fc.asyncProperty(cases, async ([token, changes]) => {
        const changed = changes.reduce((text, next) => next(text), token);
        fc.pre(!tokens.includes(changed));
        const failure = await refusalOf(keys, changed);
        expect(failure.code).toBe("token_invalid");
        const hidden = [changed, token, Buffer.from(secret).toString("base64url"), Buffer.from(secret).toString("hex")];
        for (const text of hidden) expect(shares(failure.message, text)).toBe(false);
      }),
      { numRuns: 3000 },
    );
  });

  test("in any one character of its signature is never accepted", async () => {
    for (const token of tokens) {
      const start = token.lastIndexOf(".") + 1;
      for (let at = start; at < token.length; at += 1) {
        const other = token[at] === "A" ? "B" : "A";
        const near = token[at] === "9" ? "8" : String.fromCharCode(token.charCodeAt(at) + 1);
        for (const text of [other, near]) {
          const changed = token.slice(0, at) + text + token.slice(at + 1);
          await expect(keys.verify(changed)).rejects.toMatchObject({ code: "token_invalid" });
        }
      }
    }
  });

  test("was good before", async () => {
    for (const token of tokens) expect(await keys.verify(token)).toMatchObject({ sub: "ada" });
  });
});

test("a refusal for what a token claims shows none of its values", async () => {
  const strict = new Keys([{ kind: "secret", secret }], {
    clock,
    issuer: "our-issuer-name",
    audience: "our-audience-name",
  });
  const wrong = {
    iss: "their-issuer-name",
    aud: "their-audience-name",
    sub: "their-subject-name",
    jti: { id: "their-id" },
  };
  for (const claim of ["iss", "aud", "exp", "jti", "nbf", "iat"]) {
    const claims = { ...made.goodClaims(clock), iss: "our-issuer-name", aud: "our-audience-name" };
    const one = claim === "jti" || claim === "iss" || claim === "aud" ? wrong[claim] : "their-time-name";
    const token = sign({ ...claims, [claim]: one }, { alg: "HS256", key: secret });
    const failure = await refusalOf(strict, token);
    expect(failure.message).toContain(claim);
    expect(String(failure)).not.toMatch(/their-|our-/);
  }
});
