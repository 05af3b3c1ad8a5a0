import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { signingKey } from "../../src/cli/keys.ts";
import type { Flags } from "../../src/cli/knob-flags.ts";
import { settings } from "../../src/cli/settings.ts";
import { token } from "../../src/cli/token.ts";
import { type Folder, main, makeFolder, skein } from "../support/process.ts";
import { type Facts, token as madeToken } from "../support/tokens.ts";
import { misread, refusal } from "./in-process.ts";
import { onTerminal } from "./terminal.ts";

/** What a token says, read by nobody of ours. */
function claimsIn(token: string): Record<string, unknown> & { iat: number; exp: number } {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
}

const at = (folder: Folder, ...args: string[]) => skein(["token", ...args], { cwd: folder.path });
const check = (folder: Folder, token: string, ...args: string[]) =>
  skein(["token", "check", ...args], { cwd: folder.path, input: token });

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

describe("skein token", () => {
  test("prints a token and nothing else, for a viewer of the org, an hour long, for whoever calls it", async () => {
    using folder = withKey();
    const { code, stdout, stderr } = await at(folder);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const claims = claimsIn(stdout);
    expect(claims).toEqual({
      sub: userInfo().username,
      org: "default",
      roles: ["viewer"],
      iat: claims.iat,
      exp: claims.iat + 3600,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(Math.abs(claims.iat - Date.now() / 1000)).toBeLessThan(60);
  });

  test("says what was asked for, under the names that the settings give the claims", async () => {
    using folder = makeFolder();
    const config = { jwtIssuer: "me", jwtAudience: "skein", jwtOrgClaim: "tenant", jwtRolesClaim: "realm.roles" };
    writeFileSync(join(folder.path, "skein.config.json"), JSON.stringify(config));
    const args = ["--org", "acme", "--role", "operator", "publisher", "--ttl", "2d", "--sub", "ann b"];
    const { stdout } = await at(folder, ...args, "--instance", "web-*", "db", "--crew", "c1", "--json");
    const { token, claims } = JSON.parse(stdout);
    expect(claims).toEqual(claimsIn(token));
    expect(claims).toMatchObject({
      sub: "ann b",
      tenant: "acme",
      "realm.roles": ["operator", "publisher"],
      instances: ["web-*", "db"],
      crews: ["c1"],
      iss: "me",
      aud: "skein",
      exp: claims.iat + 2 * 86_400,
    });
    expect(await check(folder, token)).toMatchObject({ code: 0, stdout: expect.stringContaining("in org acme") });
  });

  test("makes the key at its first use, in a directory and a file of nobody else's, and says so", async () => {
    using folder = makeFolder();
    const first = await at(folder, "--data", "new/data");
    const file = join(folder.path, "new/data/auth.key");
    expect(first.stderr).toBe(
      "skein: made the key new/data/auth.key; only gateways with this data directory take its tokens\n",
    );
    expect([modeOf(file), modeOf(join(file, ".."))]).toEqual(["600", "700"]);
    expect(readFileSync(file, "latin1")).toMatch(/^[\w-]{43}$/);
    expect((await at(folder, "--data", "new/data")).stderr).toBe("");
    expect(await check(folder, first.stdout, "--data", "new/data")).toMatchObject({ code: 0 });
  });

  test("makes one key when many come at once", async () => {
    using folder = makeFolder();
    const made = await Promise.all(Array.from({ length: 3 }, () => at(folder)));
    const verdicts = await Promise.all(made.map(({ stdout }) => check(folder, stdout)));
    expect(verdicts.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(made.filter(({ stderr }) => stderr !== "")).toHaveLength(1);
  });

  test.each(["640", "604", "666"])("refuses a key of mode %s, which others may read", async (mode) => {
    using folder = withKey();
    const file = join(folder.path, ".skein/auth.key");
    chmodSync(file, Number.parseInt(mode, 8));
    const why = await refusal(token(await configOf({ data: join(folder.path, ".skein") }), asked));
    expect(why).toContain(
      `${file}, the key that signs tokens, may be read by others (mode ${mode}): chmod 600 ${file}, or`,
    );
  });

  test("signs with a secret from a file, whatever the end of its line", async () => {
    using folder = makeFolder();
    for (const [name, end] of Object.entries({ one: "", two: "\n", three: "\r\n" })) {
      writeFileSync(join(folder.path, name), `${"s3cret".repeat(6)}${end}`);
    }
    const { stdout, stderr } = await at(folder, "--jwt-secret-file", "one");
    expect(stderr).toBe("");
    expect(existsSync(join(folder.path, ".skein"))).toBe(false);
    for (const name of ["two", "three"]) {
      const key = await signingKey(await configOf({ jwtSecretFile: join(folder.path, name) }));
      expect(isSignedWith(stdout, key?.secret)).toBe(true);
    }
  });

  test("says beside the token on a terminal what it is, which a file does not get", async () => {
    using folder = makeFolder();
    const secret = join(folder.path, "secret");
    writeFileSync(secret, "s3cret".repeat(6));
    const file = join(folder.path, "token");
    const shown = onTerminal(`node ${main} token --sub ann --jwt-secret-file ${secret} > ${file}`);
    expect(shown).toMatch(/── for ann in org default, viewer, until 2\S+Z; id [0-9a-f-]{36}, signed with \S+secret ──/);
    expect(readFileSync(file, "utf8")).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  });

  test.each<[string, Flags, RegExp]>([
    [
      "tokens that come from elsewhere",
      { config: "jwks.json" },
      /tokens from elsewhere \(jwksUrl\).*--jwt-secret-file/,
    ],
    ["a key that nobody keeps", { data: ":memory:" }, /data :memory:.*--jwt-secret-file/],
    ["a secret that is too short", { jwtSecretFile: "short" }, /jwtSecretFile \S*short: .*5 bytes.*32/],
    ["a public key as secret", { jwtSecretFile: "public.pem" }, /jwtSecretFile \S*public\.pem: .*is a key/],
    ["a secret that is not there", { jwtSecretFile: "gone" }, /jwtSecretFile cannot be read.*gone'/],
    ["a directory that is a file", { data: "short" }, /key .* cannot be kept.*short/],
  ])("tells in a sentence of %s", async (_what, flags, sentence) => {
    using folder = makeFolder();
    writeFileSync(join(folder.path, "jwks.json"), JSON.stringify({ jwksUrl: "https://login.example.com/keys" }));
    writeFileSync(join(folder.path, "short"), "short");
    writeFileSync(join(folder.path, "public.pem"), rsa.publicKey);
    const inFolder = Object.entries(flags).map(([name, value]) => [
      name,
      value === ":memory:" ? value : join(folder.path, String(value)),
    ]);
    expect(await refusal(token(await configOf(Object.fromEntries(inFolder)), asked))).toMatch(sentence);
  });

  test("tells in a sentence, and alone, of a name that is too long", async () => {
    using folder = withKey();
    const { code, stdout, stderr } = await at(folder, "--sub", "x".repeat(257));
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^skein: [^\n]*claim "sub" is longer than 256 bytes[^\n]*\n$/);
  });

  test.each([
    [["--role", "king"], "Allowed choices are viewer, operator, publisher."],
    [["--ttl", "soon"], "It must be a duration from 1s to 3650d, like 30m, 8h or 7d."],
  ])("%s is no flag", async (args, sentence) => {
    expect(await misread("token", ...args)).toContain(sentence);
  });
});

/** What `skein token` is asked for when nothing is said. */
const asked = { role: ["viewer"], ttl: 3_600_000 } as const;

const configOf = async (flags: Flags) => (await settings(flags)).config;

/** A folder whose data directory has its key already. */
function withKey(): Folder {
  const folder = makeFolder();
  mkdirSync(join(folder.path, ".skein"), { mode: 0o700 });
  writeFileSync(join(folder.path, ".skein/auth.key"), key, { mode: 0o600 });
  return folder;
}

const key = "k".repeat(43);

/** Whether a token has the signature that HS256 gives it with a secret. */
function isSignedWith(token: string, secret: Uint8Array = new Uint8Array()): boolean {
  const [head, body, signature] = token.trim().split(".");
  return createHmac("sha256", secret).update(`${head}.${body}`).digest("base64url") === signature;
}

/** A token of the key that `withKey` puts into a folder. */
const keyed = (facts: Facts = {}) =>
  madeToken({ org: "default", roles: ["viewer"], ...facts }, new TextEncoder().encode(key));

const rsa = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});

/** A token signed with RS256, made by nobody of ours. */
function signedElsewhere(claims: object): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const text = `${encode({ alg: "RS256", typ: "JWT" })}.${encode(claims)}`;
  return `${text}.${sign("RSA-SHA256", Buffer.from(text), rsa.privateKey).toString("base64url")}`;
}

const inAnHour = Math.floor(Date.now() / 1000) + 3600;

describe("skein token check", () => {
  test("says whom a token lets in, what they may see, and how long", async () => {
    using folder = withKey();
    const token = await keyed({ sub: "ann", roles: ["viewer", "operator"], instances: ["web-*"] });
    const { code, stdout, stderr } = await check(folder, token);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^good, (?:59m|1h) left\nann in org default\n/);
    expect(stdout).toMatch(/^roles +viewer \(follow streams and read\), operator \(command instances\)$/m);
    expect(stdout).toMatch(/^instances +web-\*\ncrews +all$/m);
    expect(stdout).toMatch(/^ {2}exp +\d+ 2\S+Z$/m);
  });

  test("takes it as an argument, or as a header has it", async () => {
    using folder = withKey();
    const token = await keyed();
    expect(await at(folder, "check", token)).toMatchObject({ code: 0 });
    expect(await check(folder, `Bearer ${token}`)).toMatchObject({ code: 0 });
  });

  test("has colours on a terminal, and the same as JSON for programs", async () => {
    using folder = withKey();
    const token = await keyed({ crews: ["c1"] });
    const shown = onTerminal(`cd ${folder.path}; node ${main} token check ${token}`);
    expect(shown).toContain("\u001b[32mgood\u001b[39m");
    const { stdout } = await check(folder, token, "--json");
    const allows = { subject: "ann", org: "default", roles: ["viewer"], crews: ["c1"] };
    expect(JSON.parse(stdout)).toEqual({ valid: true, allows, claims: expect.objectContaining(claimsIn(token)) });
  });

  test("checks by a public key what others have signed", async () => {
    using folder = makeFolder();
    mkdirSync(join(folder.path, "keys"));
    writeFileSync(join(folder.path, "keys/public.pem"), rsa.publicKey);
    const token = signedElsewhere({ sub: "ann", org: "acme", roles: "viewer publisher", exp: inAnHour });
    const { code, stdout } = await check(folder, token, "--jwt-public-key", "keys/public.pem");
    expect(code).toBe(0);
    expect(stdout).toContain("ann in org acme");
    expect(await check(folder, token)).toMatchObject({ code: 1, stderr: expect.stringContaining("not signed with") });
  });

  test("refuses one that has expired with the reason, and shows what it says, also as JSON", async () => {
    using folder = makeFolder();
    writeFileSync(join(folder.path, "public.pem"), rsa.publicKey);
    const token = signedElsewhere({ sub: "a", org: "b", exp: 1_700_000_000 });
    const { code, stdout, stderr } = await check(folder, token, "--jwt-public-key", "public.pem");
    expect(code).toBe(1);
    expect(stderr).toMatch(/^skein: Refused: [^\n]*has expired \(token_expired\)\n$/);
    expect(stdout).toMatch(/^It says:\n {2}sub +"a"\n/);
    const asJson = await check(folder, token, "--jwt-public-key", "public.pem", "--json");
    expect([asJson.code, asJson.stderr]).toEqual([1, ""]);
    const reason = { code: "token_expired", message: expect.any(String) };
    expect(JSON.parse(asJson.stdout)).toMatchObject({ valid: false, reason, claims: { sub: "a" } });
  });

  test("refuses what another issuer or another audience wants", async () => {
    using folder = withKey();
    const [issuer, audience] = await Promise.all([
      check(folder, await keyed(), "--jwt-issuer", "somebody"),
      check(folder, await keyed(), "--jwt-audience", "somebody"),
    ]);
    expect(issuer).toMatchObject({ code: 1, stderr: expect.stringContaining("(iss)") });
    expect(audience).toMatchObject({ code: 1, stderr: expect.stringContaining("(aud)") });
  });

  test("refuses nothing, and something else", async () => {
    using folder = withKey();
    expect(await check(folder, "\n")).toMatchObject({ code: 1, stderr: expect.stringContaining("There is no token") });
    const verdict = await check(folder, "hello");
    expect(verdict).toMatchObject({ code: 1, stderr: expect.stringContaining("That is not a signed token") });
  });

  test("shows nothing of a token that would steer a terminal", async () => {
    using folder = makeFolder();
    writeFileSync(join(folder.path, "public.pem"), rsa.publicKey);
    const token = signedElsewhere({ sub: "\u001b[2Jann", org: "b\u0007", roles: ["viewer"], exp: inAnHour });
    const { code, stdout } = await check(folder, token, "--jwt-public-key", "public.pem");
    expect(code).toBe(0);
    expect(stdout).toContain("�[2Jann in org b�");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(stdout).not.toMatch(/[\u001b\u0007]/);
  });
});
