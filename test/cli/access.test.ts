import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Run } from "../support/process.ts";
import { type EnforcedGateway, startEnforced } from "./enforced.ts";

let gateway: EnforcedGateway;
beforeAll(async () => {
  gateway = await startEnforced();
  await gateway.publish("instances/agent-1", { status: "running", port: 1 });
  await gateway.publish("runs/r1", { type: "boot" });
  await gateway.publish("runs/r1", { type: "done" });
});
afterAll(() => gateway[Symbol.asyncDispose]());

/** Commands that ask a gateway: one for each way in which they do. */
const commands = [
  ["ps"],
  ["ps", "-w"],
  ["up", "agent-1"],
  ["down", "--all"],
  ["new", "web", "a"],
  ["logs", "agent-1", "-f"],
  ["send", "--from", "a", "--to", "b", "--type", "t", "1"],
  ["inbox", "a", "-f"],
  ["listen", "runs/r1", "-t", "ws"],
  ["listen", "runs/r1", "-t", "poll"],
  ["publish", "runs.r2", '{"type":"boot"}'],
  ["revoke", "--jti", "x"],
] as const;

describe("Without a token, or with one that is over, is told what to do by", () => {
  test.each(commands.map((words) => [words.join(" "), words] as const))("skein %s", async (_line, words) => {
    const none = await gateway.said(words);
    expect([none.code, none.stdout]).toEqual([1, ""]);
    expect(none.stderr).toMatch(/^skein: [^\n]*; get one with: skein token, and name its file with --token-file.*\n$/);
  });

  test.each([
    ["ps", ["ps"]],
    ["listen over WebSocket", ["listen", "runs/r1", "-t", "ws"]],
    ["listen over SSE", ["listen", "runs/r1", "-t", "sse"]],
  ])("skein %s, when it is over", async (_what, words) => {
    const old = await gateway.token({ exp: 1_700_000_000 });
    const over = await gateway.said(words, { env: { SKEIN_TOKEN: old } });
    expect([over.code, over.stdout]).toEqual([1, ""]);
    expect(over.stderr).toMatch(/^skein: [^\n]*expired; get a new one[^\n]*skein token\n$/);
    expect(over.stderr).not.toContain(old);
  });
});

test.each([
  ["ps", ["ps"], /^agent-1 +running/m],
  ["templates", ["templates"], /^$/],
  ["listen over WebSocket", ["listen", "runs/r1", "-t", "ws"], /"type":"boot".*\n.*"type":"done"/],
  ["listen over SSE", ["listen", "runs/r1", "-t", "sse"], /"type":"boot".*\n.*"type":"done"/],
  ["listen by polling", ["listen", "runs/r1", "-t", "poll"], /"type":"boot".*\n.*"type":"done"/],
  ["publish", ["publish", "runs.r3", '{"type":"boot"}'], /"skein\.acme\.runs\.r3"/],
  ["send", ["send", "--from", "a", "--to", "b", "--type", "t", "1"], /^\S+\n$/],
  ["inbox", ["inbox", "nobody"], /^$/],
  ["revoke", ["revoke", "--jti", "some-other"], /^token some-other revoked\n$/],
])("With a token skein %s is let in", async (_what, args, shown) => {
  const { code, stdout } = await gateway.said([...args, "--token-file", await gateway.tokenFile()]);
  expect(stdout).toMatch(shown);
  expect(code).toBe(0);
});

describe("A token is taken", () => {
  test("from a file that a flag names, with an end of line or without", async () => {
    const file = await gateway.tokenFile();
    writeFileSync(file, `${await gateway.token()}\r\n`);
    expect(await gateway.said(["ps", "--token-file", file])).toMatchObject({ code: 0 });
  });

  test("from standard input", async () => {
    const input = `${await gateway.token()}\n`;
    expect(await gateway.said(["ps", "--token-file", "-"], { input })).toMatchObject({ code: 0 });
    expect(await gateway.said(["publish", "runs.x", '{"type":"boot"}', "--token-file", "-"], { input })).toMatchObject({
      code: 0,
    });
  });

  test("from the environment, whose word counts less than a flag's", async () => {
    const [good, bad] = [await gateway.tokenFile(), await gateway.tokenFile({ exp: 1_700_000_000 })];
    const SKEIN_TOKEN = await gateway.token();
    for (const [args, env, code] of [
      [[], { SKEIN_TOKEN }, 0],
      [[], { SKEIN_TOKEN_FILE: good }, 0],
      [[], { SKEIN_TOKEN, SKEIN_TOKEN_FILE: bad }, 0],
      [[], { SKEIN_TOKEN: "", SKEIN_TOKEN_FILE: good }, 0],
      [["--token-file", bad], { SKEIN_TOKEN }, 1],
      [["--token-file", good], { SKEIN_TOKEN_FILE: bad }, 0],
    ] as const) {
      expect(await gateway.said(["ps", ...args], { env })).toMatchObject({ code });
    }
  });
});

const hidden = "c2VjcmV0.aGlkZGVu.dG9rZW4";

describe("Nothing of a token is shown when it is", () => {
  test.each([
    ["on the command line", ["ps", `--token=${hidden}`], {}, /There is no --token, because.*--token-file.*SKEIN_TOKEN/],
    ["a word of the command line", ["up", "a", "--token", hidden], {}, /There is no --token/],
    ["in an address", ["listen", `instances?token=${hidden}`], {}, /token in an address.*--token-file/],
    ["not a token, in a variable", ["ps"], { SKEIN_TOKEN: `a ${hidden}` }, /SKEIN_TOKEN holds something else/],
    ["refused", ["ps"], { SKEIN_TOKEN: hidden }, /not a signed token/],
    ["refused to a follower", ["listen", "instances"], { SKEIN_TOKEN: hidden }, /not a signed token/],
  ])("%s", async (_what, args, env, sentence) => {
    const { code, stdout, stderr } = await gateway.said(args, { env });
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^skein: [^\n]+\n$/);
    expect(stderr).toMatch(sentence);
    for (const part of hidden.split(".")) expect(stderr).not.toContain(part);
  });

  test("among the settings", async () => {
    const { stdout } = await gateway.said(["config"], { env: { SKEIN_TOKEN: hidden } });
    expect(stdout).not.toContain(hidden);
  });

  test("something else in its file", async () => {
    const file = join(gateway.folder, "secret");
    writeFileSync(file, "swordfish is the password\n");
    const { code, stderr } = await gateway.said(["ps", "--token-file", file]);
    expect(code).toBe(1);
    expect(stderr).toBe(
      `skein: The file ${file} holds something else than a token, which is three words with dots between; ` +
        "get a token with: skein token\n",
    );
  });
});

test.each([
  [
    "a file that is not there",
    ["ps", "--token-file", "/nowhere/token"],
    /^skein: The token file cannot be read: ENOENT/,
  ],
  ["a file that is empty", ["ps", "--token-file", "/dev/null"], /^skein: The file \/dev\/null is empty; get a token/],
  ["empty standard input", ["ps", "--token-file", "-"], /^skein: Standard input is empty; get a token/],
])("With %s no gateway is asked", async (_what, args, sentence) => {
  const { code, stderr } = await gateway.said(args);
  expect(code).toBe(1);
  expect(stderr).toMatch(sentence);
});

test.each([
  ["publish", "runs.x"],
  ["send", "--from", "a", "--to", "b", "--type", "t"],
])("Standard input cannot give skein %s the token and what to send", async (...args) => {
  const input = await gateway.token();
  const { code, stderr } = await gateway.said([...args, "--token-file", "-"], { input });
  expect(code).toBe(1);
  expect(stderr).toBe("skein: Standard input has given the token already: say what to send as the last argument\n");
});

test("What a token does not allow is said, with what would", async () => {
  const file = await gateway.tokenFile({ roles: ["viewer"] });
  for (const args of [
    ["publish", "runs.x", "{}"],
    ["down", "agent-1"],
    ["revoke", "--org", "--yes"],
  ]) {
    const { code, stderr } = await gateway.said([...args, "--token-file", file]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/skein: .*; skein token check says what a token allows; get one that allows more/);
  }
});

test("A token of another org sees nothing of this one", async () => {
  const file = await gateway.tokenFile({ org: "other" });
  expect((await gateway.said(["ps", "--names", "--token-file", file])).stdout).toBe("");
  const { stderr } = await gateway.said(["logs", "agent-1", "--token-file", file]);
  expect(stderr).toContain("No instance named 'agent-1'");
});

describe("Where somebody asks too much", () => {
  test("a command waits as long as it is told to", async () => {
    await using busy = await startEnforced(["--limit-reads", "principal=1,address=0,org=0"]);
    const token = await busy.token();
    const read = () => fetch(`${busy.url}/api/instances`, { headers: { authorization: `Bearer ${token}` } });
    while ((await read()).status !== 429);
    expect(await busy.said(["ps", "--json"], { env: { SKEIN_TOKEN: token } })).toMatchObject({
      code: 0,
      stdout: "[]\n",
    });
  });

  test.each(["ws", "sse"])("a follower over %s waits for its turn", async (transport) => {
    await using busy = await startEnforced(["--limit-subscriptions", "principal=1,address=0,org=0"]);
    const env = { SKEIN_TOKEN: await busy.token() };
    await using first = busy.start(["listen", "instances", "-t", transport], { env });
    await first.until(({ lines }) => lines.length === 1);
    await using second = busy.start(["listen", "instances", "-t", transport], { env });
    await second.until(({ stderr }) => /Too many streams followed at once.*; again in 1\.\d s\n/.test(stderr));
    expect(second.stdout).toBe("");
    await first.kill();
    await second.until(({ lines }) => lines.length === 1);
  });
});

test("The programs of a shell see no token of their gateway's", async () => {
  const env = { SKEIN_TOKEN: hidden, SKEIN_TOKEN_FILE: "somewhere", MOOD: "good" };
  const show = { command: "sh", args: ["-c", "env; sleep 100"], instances: { shown: {} } };
  const args = ["start", "--port", "0", "--data", ":memory:", "--drain", "0", "--templates", JSON.stringify({ show })];
  await using fleet = new Run(args, { env });
  await fleet.until(({ stdout }) => stdout.includes("Open"));
  const url = /is at (http:\S+),/.exec(fleet.stdout)?.[1] ?? "";
  await using logs = new Run(["logs", "shown", "-f", "--url", url]);
  await logs.until(({ lines }) => lines.includes("MOOD=good"));
  expect(logs.stdout).not.toContain("SKEIN_TOKEN");
  fleet.signal("SIGTERM");
  await fleet.exit;
});
