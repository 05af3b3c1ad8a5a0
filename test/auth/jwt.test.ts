import { describe, expect, test } from "vitest";
import { type KeySource, Keys, signToken, unverifiedClaims } from "../../src/auth/jwt.ts";
import { ManualClock } from "../support/clock.ts";
import * as made from "./tokens.ts";

const { encode, sign, secret, rsa, p256, p384, p521, ed25519 } = made;
const clock = new ManualClock();
const claims = made.goodClaims(clock);
const now = Math.floor(clock.now() / 1000);
const bySecret: KeySource = { kind: "secret", secret };

function pem(pair: typeof rsa): KeySource {
  return { kind: "pem", pem: made.pemOf(pair.publicKey) };
}

function keysOf(...sources: KeySource[]): Keys {
  return new Keys(sources, { clock });
}

describe("a token counts when it is signed with", () => {
  test.each(["HS256", "HS384", "HS512"])("the secret and %s", async (alg) => {
    expect(await keysOf(bySecret).verify(sign(claims, { alg, key: secret }))).toEqual(claims);
  });

  test.each(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])("the RSA key and %s", async (alg) => {
    expect(await keysOf(pem(rsa)).verify(sign(claims, { alg, key: rsa.privateKey }))).toEqual(claims);
  });

  const curves = [
    ["ES256", p256],
    ["ES384", p384],
    ["ES512", p521],
    ["EdDSA", ed25519],
  ] as const;
  test.each(curves)("a key for %s", async (alg, pair) => {
    expect(await keysOf(pem(pair)).verify(sign(claims, { alg, key: pair.privateKey }))).toEqual(claims);
  });

  test("any of several keys", async () => {
    const keys = keysOf(pem(p256), { kind: "secret", secret: secret.subarray(8) }, pem(rsa), bySecret);
    await keys.verify(sign(claims, { alg: "HS256", key: secret }));
    await keys.verify(sign(claims, { alg: "RS256", key: rsa.privateKey }));
    await keys.verify(sign(claims, { alg: "ES256", key: p256.privateKey, header: { kid: "any" } }));
  });

  test("what signToken makes", async () => {
    const token = await signToken({ ...claims, exp: now + 60 }, secret);
    expect(await keysOf(bySecret).verify(token)).toMatchObject({ sub: "ada", exp: now + 60 });
    expect(unverifiedClaims(token)).toMatchObject({ sub: "ada" });
  });
});

describe("a token is refused that", () => {
  const der = rsa.publicKey.export({ format: "der", type: "spki" });
  const pkcs1 = rsa.publicKey.export({ format: "der", type: "pkcs1" });
  const text = made.pemOf(rsa.publicKey);
  const jwk = JSON.stringify(made.jwkOf(rsa.publicKey));
  const confusions: [string, Uint8Array][] = [
    ["PEM", Buffer.from(text)],
    ["PEM without its last line break", Buffer.from(text.trimEnd())],
    ["PEM with CRLF", Buffer.from(text.replaceAll("\n", "\r\n"))],
    ["DER", der],
    ["DER as PKCS#1", pkcs1],
    ["JWK", Buffer.from(jwk)],
    ["modulus", Buffer.from(String(made.jwkOf(rsa.publicKey).n), "base64url")],
    ["nothing", Buffer.from("")],
  ];
  test.each(confusions)("the public key's %s signed as if it were a secret", async (_, key) => {
    for (const alg of ["HS256", "HS384", "HS512"]) {
      const token = sign(claims, { alg, key });
      await expect(keysOf(pem(rsa)).verify(token)).rejects.toMatchObject({ code: "token_invalid" });
      await expect(keysOf(pem(rsa), bySecret).verify(token)).rejects.toMatchObject({ code: "token_invalid" });
    }
  });

  test.each(["none", "None", "NONE", "nOnE", "none ", "", "HS256 ", "hs256", "HS1", "toString", "__proto__"])(
    "says that its algorithm is %j",
    async (alg) => {
      const keys = keysOf(bySecret, pem(rsa));
      const good = sign(claims, { alg: "HS256", key: secret, header: { alg } });
      const [head, body] = good.split(".");
      for (const token of [good, `${head}.${body}.`, `${head}.${body}`, `${head}.${body}.AAAA`]) {
        await expect(keys.verify(token)).rejects.toMatchObject({ code: "token_invalid" });
      }
    },
  );

  test.each([null, 1, true, ["HS256"], { alg: "HS256" }, undefined])("has the algorithm %j", async (alg) => {
    const token = sign(claims, { alg: "HS256", key: secret, header: { alg } });
    await expect(keysOf(bySecret).verify(token)).rejects.toMatchObject({ code: "token_invalid" });
  });

  test("is signed with an algorithm that its key is not for", async () => {
    const wrong = [
      [pem(rsa), "HS256", secret],
      [bySecret, "RS256", rsa.privateKey],
      [pem(p256), "ES384", p384.privateKey],
      [pem(p384), "ES256", p256.privateKey],
      [pem(ed25519), "ES256", p256.privateKey],
      [pem(p256), "RS256", rsa.privateKey],
      [pem(rsa), "EdDSA", ed25519.privateKey],
    ] as const;
    for (const [source, alg, key] of wrong) {
      await expect(keysOf(source).verify(sign(claims, { alg, key }))).rejects.toMatchObject({ code: "token_invalid" });
    }
  });

  test("says RS256 and was signed with PS256, or the other way round", async () => {
    const [pss, pkcs] = ["PS256", "RS256"] as const;
    const keys = keysOf(pem(rsa));
    for (const [said, done] of [
      [pss, pkcs],
      [pkcs, pss],
    ] as const) {
      const token = sign(claims, { alg: done, key: rsa.privateKey, header: { alg: said } });
      await expect(keys.verify(token)).rejects.toMatchObject({ code: "token_invalid" });
    }
  });

  test("brings its own key along, or says where it lies", async () => {
    const jwkOwn = made.jwkOf(p256.publicKey);
    const headers = [
      { jwk: jwkOwn },
      { jku: "http://127.0.0.1:1/keys" },
      { x5u: "http://127.0.0.1:1/cert" },
      { x5c: ["MIIB"] },
      { kid: "http://127.0.0.1:1/keys" },
      { kid: "../../../../dev/null" },
      { kid: "' OR 1=1 --" },
    ];
    for (const header of headers) {
      const token = sign(claims, { alg: "ES256", key: p256.privateKey, header });
      await expect(keysOf(pem(rsa), bySecret).verify(token)).rejects.toMatchObject({ code: "token_invalid" });
      const empty = sign(claims, { alg: "HS256", key: new Uint8Array(0), header });
      await expect(keysOf(pem(rsa), bySecret).verify(empty)).rejects.toMatchObject({ code: "token_invalid" });
    }
  });

  test("brings a key along and is signed with ours: that key is not looked at", async () => {
    const header = { jwk: { kty: "oct", k: "AAAA" }, jku: "http://127.0.0.1:1/keys", x5u: "http://127.0.0.1:1/cert" };
    expect(await keysOf(bySecret).verify(sign(claims, { alg: "HS256", key: secret, header }))).toEqual(claims);
  });

  test.each([[["exp"]], [["b64"]], [["made-up"]], [[]], ["exp"], [null]])(
    "asks with crit %j for what we do not know",
    async (crit) => {
      const header = { crit, "made-up": 1, exp: 1, b64: false };
      const token = sign(claims, { alg: "HS256", key: secret, header });
      await expect(keysOf(bySecret).verify(token)).rejects.toMatchObject({ code: "token_invalid" });
    },
  );

  const good = sign(claims, { alg: "HS256", key: secret });
  const [head = "", body = "", mark = ""] = good.split(".");
  const shapes: [string, string][] = [
    ["is empty", ""],
    ["is one dot", "."],
    ["is two dots", ".."],
    ["is a JWE", `${head}.${body}.${mark}.${body}.${mark}`],
    ["is detached", `${head}..${mark}`],
    ["has no signature", `${head}.${body}.`],
    ["has no header", `.${body}.${mark}`],
    ["ends with a line break", `${good}\n`],
    ["begins with a space", ` ${good}`],
    ["has a space inside", `${head}. ${body}.${mark}`],
    ["has a tab in its signature", `${head}.${body}.${mark.slice(0, 9)}\t${mark.slice(9)}`],
    ["is padded", `${good}=`],
    ["is in the other base64", `${head}.${body}.${mark.slice(0, -1)}+`],
    ["is JSON", JSON.stringify({ protected: head, payload: body, signature: mark })],
    ["is very long", `${head}.${encode(JSON.stringify({ ...claims, more: "x".repeat(20_000) }))}.${mark}`],
    ["is a million dots", ".".repeat(1_000_000)],
    ["is not ASCII", `${head}.${body}.${mark}é`],
    ["has a NUL", `${good}\0`],
    ["has a header that is no UTF-8", `${encode(Buffer.from([0xff, 0xfe]))}.${body}.${mark}`],
    ["has a header that is no JSON", `${encode("{alg")}.${body}.${mark}`],
    ["has a header that is a list", `${encode("[]")}.${body}.${mark}`],
    ["has a header that is null", `${encode("null")}.${body}.${mark}`],
  ];
  test.each(shapes)("%s", async (_, token) => {
    await expect(keysOf(bySecret).verify(token)).rejects.toMatchObject({ code: "token_invalid" });
  });

  const payloads: [string, string | Uint8Array][] = [
    ["no UTF-8", Buffer.from([0x7b, 0xff, 0x7d])],
    ["no JSON", "{exp"],
    ["a list", "[]"],
    ["null", "null"],
    ["a number", "7"],
    ["empty", " "],
  ];
  test.each(payloads)("has a payload that is %s", async (_, payload) => {
    const token = sign(payload, { alg: "HS256", key: secret });
    await expect(keysOf(bySecret).verify(token)).rejects.toMatchObject({ code: "token_invalid" });
  });
});

describe("of the time", () => {
  const verify = (over: Record<string, unknown>) =>
    keysOf(bySecret).verify(sign({ ...claims, ...over }, { alg: "HS256", key: secret }));

  test("a token has 30 s of tolerance after exp, and not one more", async () => {
    await verify({ exp: now - 29 });
    await expect(verify({ exp: now - 30 })).rejects.toMatchObject({ code: "token_expired" });
    await expect(verify({ exp: now - 31 })).rejects.toMatchObject({ code: "token_expired" });
  });

  test("a token has 30 s of tolerance before nbf, and not one more", async () => {
    await verify({ nbf: now + 30 });
    await expect(verify({ nbf: now + 31 })).rejects.toMatchObject({ code: "token_invalid" });
  });

  test("a token has 30 s of tolerance before iat, and not one more", async () => {
    await verify({ iat: now + 30 });
    await expect(verify({ iat: now + 31 })).rejects.toMatchObject({ code: "token_invalid" });
  });

  test("a token without exp does not count", async () => {
    await expect(verify({ exp: undefined })).rejects.toThrow(/"exp"/);
  });

  test.each(["exp", "nbf", "iat"])("a token does not count whose %s is no time", async (claim) => {
    for (const value of ["soon", String(now + 60), null, true, [now], { now }, 1e300]) {
      await expect(verify({ [claim]: value })).rejects.toMatchObject({ code: "token_invalid" });
    }
    const huge = JSON.stringify(claims).replace(/}$/, `,"${claim}":1e999}`);
    await expect(keysOf(bySecret).verify(sign(huge, { alg: "HS256", key: secret }))).rejects.toMatchObject({
      code: "token_invalid",
    });
  });

  test.each([7, null, "", [], {}])("a token does not count whose jti is %j", async (jti) => {
    await expect(verify({ jti })).rejects.toThrow(/"jti"/);
  });
});

describe("where issuer and audience are set", () => {
  const keys = new Keys([bySecret], { clock, issuer: "https://id.example", audience: "skein" });
  const verify = (over: Record<string, unknown>) =>
    keys.verify(sign({ ...claims, ...over }, { alg: "HS256", key: secret }));

  test("a token that names both counts", async () => {
    await verify({ iss: "https://id.example", aud: "skein" });
    await verify({ iss: "https://id.example", aud: ["other", "skein"] });
  });

  test.each(["https://id.example/", "HTTPS://ID.EXAMPLE", "", null, 7, ["https://id.example"], undefined])(
    "a token issued by %j does not",
    async (iss) => {
      await expect(verify({ iss, aud: "skein" })).rejects.toThrow(/iss/);
    },
  );

  test.each(["skein2", "Skein", "", null, 7, [], ["other"], [["skein"]], { skein: true }, undefined])(
    "a token meant for %j does not",
    async (aud) => {
      await expect(verify({ iss: "https://id.example", aud })).rejects.toThrow(/aud/);
    },
  );
});

describe("a key is refused at once", () => {
  test("when a secret is short", () => {
    expect(() => keysOf({ kind: "secret", secret: new Uint8Array(31) })).toThrow(/31 bytes; it needs 32/);
  });

  test("when a secret is a public key", async () => {
    const texts = [made.pemOf(rsa.publicKey), JSON.stringify(made.jwkOf(p256.publicKey))];
    const der = rsa.publicKey.export({ format: "der", type: "spki" });
    for (const key of [...texts.map((text) => Buffer.from(text)), der]) {
      expect(() => keysOf({ kind: "secret", secret: key })).toThrow(/is a key/);
      await expect(signToken({ exp: now }, key)).rejects.toThrow(/is a key/);
    }
  });

  test("when a private key is given as a public one, and the message shows none of it", () => {
    for (const type of ["pkcs8", "sec1"] as const) {
      const pem = p256.privateKey.export({ format: "pem", type }).toString();
      expect(() => keysOf({ kind: "pem", pem })).toThrow(/^That is a private key; give the public one/);
    }
  });

  test("when a public key is none", () => {
    for (const pem of ["", "hello", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"]) {
      expect(() => keysOf({ kind: "pem", pem })).toThrow(/no public key in PEM/);
    }
  });
});
