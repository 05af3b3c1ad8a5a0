import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { Keys } from "../../src/auth/jwt.ts";
import { ManualClock } from "../support/clock.ts";
import { JwksServer } from "./jwks-server.ts";
import * as made from "./tokens.ts";

const { sign, jwkOf, rsa, p256, p384, p521, ed25519, secret } = made;
const next = generateKeyPairSync("ec", { namedCurve: "P-256" });
const minuteMs = 60_000;

interface Scene extends AsyncDisposable {
  readonly clock: ManualClock;
  readonly server: JwksServer;
  readonly faults: unknown[];
  readonly keys: Keys;
  verify(signing: made.Signing): Promise<unknown>;
}

async function openScene(): Promise<Scene> {
  const clock = new ManualClock();
  const server = await new JwksServer().start();
  server.keys = [jwkOf(p256.publicKey, { kid: "old" })];
  const faults: unknown[] = [];
  const sources = [{ kind: "jwks", url: server.url }] as const;
  const keys = new Keys(sources, { clock, report: (fault) => faults.push(fault) });
  const verify = (signing: made.Signing) => keys.verify(sign(made.goodClaims(clock), signing));
  return { clock, server, faults, keys, verify, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

const byOld: made.Signing = { alg: "ES256", key: p256.privateKey, header: { kid: "old" } };
const byNew: made.Signing = { alg: "ES256", key: next.privateKey, header: { kid: "new" } };

describe("published keys", () => {
  test("are taken for every algorithm that is not a secret's", async () => {
    await using scene = await openScene();
    scene.server.keys = [rsa, p256, p384, p521, ed25519].map(({ publicKey }, at) => jwkOf(publicKey, { kid: `${at}` }));
    for (const alg of ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
      await scene.verify({ alg, key: rsa.privateKey, header: { kid: "0" } });
    await scene.verify({ alg: "ES256", key: p256.privateKey, header: { kid: "1" } });
    await scene.verify({ alg: "ES384", key: p384.privateKey, header: { kid: "2" } });
    await scene.verify({ alg: "ES512", key: p521.privateKey, header: { kid: "3" } });
    await scene.verify({ alg: "EdDSA", key: ed25519.privateKey, header: { kid: "4" } });
    expect(scene.server.asked).toBe(1);
  });

  test("are fetched once for five hundred who ask at the same time", async () => {
    await using scene = await openScene();
    await Promise.all(Array.from({ length: 500 }, () => scene.verify(byOld)));
    expect(scene.server.asked).toBe(1);
  });

  test("are never secrets, never for encryption, and only for the algorithm they name", async () => {
    await using scene = await openScene();
    scene.server.keys = [
      { kty: "oct", k: made.encode(secret), kid: "secret", alg: "HS256" },
      jwkOf(p256.publicKey, { kid: "enc", use: "enc" }),
      jwkOf(p256.publicKey, { kid: "ops", key_ops: ["sign"] }),
      jwkOf(rsa.publicKey, { kid: "named", alg: "PS512" }),
      null,
      "key",
      { kty: "RSA", n: "AQAB", e: "AQAB", kid: "short" },
    ];
    const refused: made.Signing[] = [
      { alg: "HS256", key: secret, header: { kid: "secret" } },
      { alg: "ES256", key: p256.privateKey, header: { kid: "enc" } },
      { alg: "ES256", key: p256.privateKey, header: { kid: "ops" } },
      { alg: "RS256", key: rsa.privateKey, header: { kid: "named" } },
      { alg: "RS256", key: rsa.privateKey, header: { kid: "short" } },
    ];
    for (const signing of refused) await expect(scene.verify(signing)).rejects.toMatchObject({ code: "token_invalid" });
    await scene.verify({ alg: "PS512", key: rsa.privateKey, header: { kid: "named" } });
  });

  test("are tried by algorithm when a token names none of them", async () => {
    await using scene = await openScene();
    scene.server.keys = [jwkOf(rsa.publicKey), jwkOf(next.publicKey, { kid: "new" }), jwkOf(p256.publicKey)];
    await scene.verify({ alg: "ES256", key: p256.privateKey });
    await scene.verify({ alg: "RS256", key: rsa.privateKey });
  });

  test.each(["", "OLD", "old ", "new", "__proto__", "x".repeat(5000)])("are not found by the id %j", async (kid) => {
    await using scene = await openScene();
    await expect(scene.verify({ ...byOld, header: { kid } })).rejects.toMatchObject({ code: "token_invalid" });
  });

  test.each([null, 7, ["old"], { id: "old" }])("are not found by the id %j, which is no text", async (kid) => {
    await using scene = await openScene();
    await expect(scene.verify({ ...byOld, header: { kid } })).rejects.toMatchObject({ code: "token_invalid" });
  });
});

describe("when keys are rotated", () => {
  test("a token by a new key makes us ask, at most every 30 s", async () => {
    await using scene = await openScene();
    await scene.verify(byOld);
    scene.server.keys = [jwkOf(next.publicKey, { kid: "new" })];
    await expect(scene.verify(byNew)).rejects.toMatchObject({ code: "token_invalid" });
    expect(scene.server.asked).toBe(1);
    scene.clock.pass(30_000);
    await Promise.all(Array.from({ length: 100 }, () => scene.verify(byNew)));
    expect(scene.server.asked).toBe(2);
    await expect(scene.verify(byOld)).rejects.toMatchObject({ code: "token_invalid" });
    expect(scene.server.asked).toBe(2);
  });

  test("a thousand tokens with invented ids make us ask once", async () => {
    await using scene = await openScene();
    await scene.verify(byOld);
    scene.clock.pass(30_000);
    for (let at = 0; at < 1000; at += 1) {
      await expect(scene.verify({ ...byOld, header: { kid: `${at}` } })).rejects.toMatchObject({
        code: "token_invalid",
      });
    }
    expect(scene.server.asked).toBe(2);
  });

  test("a token of a known key with a wrong signature does not make us ask", async () => {
    await using scene = await openScene();
    await scene.verify(byOld);
    scene.clock.pass(30_000);
    await expect(scene.verify({ ...byNew, header: { kid: "old" } })).rejects.toMatchObject({ code: "token_invalid" });
    expect(scene.server.asked).toBe(1);
  });

  test("keys without ids are asked for again as well", async () => {
    await using scene = await openScene();
    scene.server.keys = [jwkOf(p256.publicKey)];
    await scene.verify({ alg: "ES256", key: p256.privateKey });
    scene.server.keys = [jwkOf(next.publicKey)];
    scene.clock.pass(30_000);
    await scene.verify({ alg: "ES256", key: next.privateKey });
  });

  test("a key that was taken away stops counting: ten minutes later we ask in the background", async () => {
    await using scene = await openScene();
    await scene.verify(byOld);
    scene.server.keys = [];
    scene.clock.pass(10 * minuteMs + 1);
    await scene.verify(byOld);
    await scene.server.wasAsked(2);
    await expect.poll(() => scene.verify(byOld).catch(({ code }) => code)).toBe("token_invalid");
  });

  test("after a night without tokens, the first one waits for the keys of the morning", async () => {
    await using scene = await openScene();
    await scene.verify(byOld);
    scene.server.keys = [];
    scene.clock.pass(8 * 60 * minuteMs);
    await expect(scene.verify(byOld)).rejects.toMatchObject({ code: "token_invalid" });
  });
});

describe("while keys cannot be fetched", () => {
  test("nobody is let in who needs them, and it is said how soon to try again", async () => {
    await using scene = await openScene();
    await scene.server.stop();
    await expect(scene.verify(byOld)).rejects.toMatchObject({ code: "keys_away", status: 503, retryAfterMs: 1000 });
    expect(scene.faults).toHaveLength(1);
    await expect(scene.verify(byOld)).rejects.toMatchObject({ code: "keys_away" });
    expect(scene.faults).toHaveLength(1);
    await scene.server.start();
    scene.clock.pass(1000);
    await scene.verify(byOld);
  });

  test("old keys go on counting, through hours", async () => {
    await using scene = await openScene();
    await scene.verify(byOld);
    await scene.server.stop();
    for (let hour = 0; hour < 5; hour += 1) {
      scene.clock.pass(60 * minuteMs);
      await scene.verify(byOld);
    }
    expect(scene.faults).toHaveLength(5);
    await expect(scene.verify(byNew)).rejects.toMatchObject({ code: "token_invalid" });
  });

  test("a secret counts all the same", async () => {
    await using scene = await openScene();
    await scene.server.stop();
    const sources = [
      { kind: "jwks", url: scene.server.url },
      { kind: "secret", secret },
    ] as const;
    const keys = new Keys(sources, { clock: scene.clock });
    await keys.verify(sign(made.goodClaims(scene.clock), { alg: "HS256", key: secret }));
  });

  test("five seconds without an answer are enough", async () => {
    await using scene = await openScene();
    scene.server.answer = () => {};
    const asking = scene.verify(byOld);
    const refused = expect(asking).rejects.toMatchObject({ code: "keys_away" });
    await scene.server.wasAsked(1);
    scene.clock.pass(5000);
    await refused;
  });

  const bad: [string, (typeof JwksServer.prototype)["answer"]][] = [
    ["status 500", (response) => response.writeHead(500).end("{}")],
    ["a redirect", (response) => response.writeHead(302, { location: "/keys" }).end()],
    ["no JSON", (response) => response.end("<html>")],
    ["no UTF-8", (response) => response.end(Buffer.from([0x22, 0xff, 0x22]))],
    ["JSON of something else", (response) => response.end('{"keys":{}}')],
    ["a megabyte", (response) => response.end(JSON.stringify({ keys: ["x".repeat(1_000_000)] }))],
    ["a broken connection", (response) => response.destroy()],
  ];
  test.each(bad)("%s is no keys, and takes none away", async (_, answer) => {
    await using scene = await openScene();
    const good = scene.server.answer;
    scene.server.answer = answer;
    await expect(scene.verify(byOld)).rejects.toMatchObject({ code: "keys_away" });
    scene.clock.pass(1000);
    scene.server.answer = good;
    await scene.verify(byOld);
    scene.server.answer = answer;
    scene.clock.pass(60 * minuteMs);
    await scene.verify(byOld);
    expect(scene.faults).toHaveLength(2);
  });
});

test.each([
  "http://id.example/keys",
  "http://127.0.0.1.example/keys",
  "ftp://127.0.0.1/keys",
  "keys",
  "https://u:p@id.example/",
])("keys are not fetched from %s", (url) => {
  expect(() => new Keys([{ kind: "jwks", url }], { clock: new ManualClock() })).toThrow(
    /^The address of the keys must/,
  );
});
