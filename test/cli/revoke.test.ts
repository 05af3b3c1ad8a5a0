import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { main } from "../support/process.ts";
import { type EnforcedGateway, startEnforced } from "./enforced.ts";
import { onTerminal } from "./terminal.ts";

let gateway: EnforcedGateway;
beforeAll(async () => {
  gateway = await startEnforced();
});
afterAll(() => gateway[Symbol.asyncDispose]());

/** Revokes as an operator of an org. */
async function revoke(org: string, ...args: string[]) {
  const SKEIN_TOKEN = await gateway.token({ sub: "operator", org, roles: ["operator"] });
  return gateway.said(["revoke", ...args], { env: { SKEIN_TOKEN } });
}

/** Whether the gateway lets the bearer of the token in a file in. */
async function isTaken(file: string): Promise<boolean> {
  const headers = { authorization: `Bearer ${readFileSync(file, "utf8")}` };
  return (await fetch(`${gateway.url}/api/instances`, { headers })).ok;
}

describe("skein revoke", () => {
  test.each([
    ["--jti", "j1", "token j1 revoked\n"],
    ["--sub", "ann", "all tokens of ann up to now revoked\n"],
    ["--org", "--yes", "all tokens of the org up to now revoked\n"],
  ])("%s cuts who is followed with it, and refuses it from then on", async (flag, what, said) => {
    const org = `org${flag}`;
    const file = await gateway.tokenFile({ org, jti: "j1", sub: "ann" });
    const other = await gateway.tokenFile({ org: "another", jti: "j1", sub: "ann" });
    await using run = gateway.start(["listen", "instances", "--token-file", file]);
    await using unharmed = gateway.start(["listen", "instances", "--token-file", other]);
    for (const each of [run, unharmed]) await each.until(({ lines }) => lines.length === 1);
    expect(await revoke(org, flag, what)).toEqual({ code: 0, stdout: said, stderr: "" });
    expect(await run.exit).toMatchObject({ code: 1 });
    expect(run.stderr).toBe("skein: Refused: The token was revoked; get a new one with: skein token\n");
    expect([await isTaken(file), await isTaken(other)]).toEqual([false, true]);
    expect(unharmed.stderr).toBe("");
  });

  test.each([
    ["a file", async (file: string) => ["--file", file], undefined],
    ["standard input", async () => ["--file", "-"], "input"],
  ])("takes the token from %s", async (_what, argsFor, source) => {
    const file = await gateway.tokenFile({ org: "filed", jti: `from-${source ?? "file"}` });
    const input = source && readFileSync(file, "utf8");
    const env = { SKEIN_TOKEN_FILE: await gateway.tokenFile({ sub: "operator", org: "filed" }) };
    const args = ["revoke", ...(await argsFor(file))];
    const { code, stdout } = await gateway.said(args, { env, ...(input && { input }) });
    expect([code, stdout]).toEqual([0, `token from-${source ?? "file"} revoked\n`]);
    expect(await isTaken(file)).toBe(false);
  });

  test.each([
    ["nothing", [], /Say what to revoke, one of: --jti ID, --sub NAME, --org, --file FILE/],
    ["two things", ["--jti", "a", "--sub", "b"], /Say what to revoke, one of/],
    ["an org that nobody confirms", ["--org"], /This throws out everybody in the org; add --yes if that is meant/],
    ["a file without a token", ["--file", "/dev/null"], /\/dev\/null is empty/],
  ])("refuses %s", async (_what, args, sentence) => {
    const { code, stdout, stderr } = await revoke("acme", ...args);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(sentence);
  });

  test("cannot take both tokens from standard input", async () => {
    const input = await gateway.token();
    const { code, stderr } = await gateway.said(["revoke", "--file", "-", "--token-file", "-"], { input });
    expect(code).toBe(1);
    expect(stderr).toContain("Standard input can give one token");
  });

  test("says of a token without an id that it cannot be revoked alone", async () => {
    const payload = Buffer.from(JSON.stringify({ sub: "ann", exp: 4_000_000_000 })).toString("base64url");
    const file = join(gateway.folder, "nameless");
    writeFileSync(file, `eyJhbGciOiJIUzI1NiJ9.${payload}.c2ln`);
    const { code, stderr } = await revoke("acme", "--file", file);
    expect(code).toBe(1);
    expect(stderr).toBe(
      "skein: That token has no id (jti), so it cannot be revoked alone: revoke all of its owner with --sub\n",
    );
  });

  test.each([
    ["y\n", true],
    ["\n", false],
    ["\u0004", false],
  ])("asks on a terminal before it throws out an org; the answer %j", async (answer, isMeant) => {
    const org = `asked ${JSON.stringify(answer)}`;
    const file = await gateway.tokenFile({ org, sub: "operator" });
    const line = `${process.execPath} ${main} revoke --org --url ${gateway.url} --token-file ${file}`;
    const shown = onTerminal(line, answer);
    expect(shown).toContain("Everybody in the org is thrown out and needs a new token, you too. Go on? [y/N]");
    expect(shown).toContain(isMeant ? "all tokens of the org up to now revoked" : "skein: Nothing was revoked");
    expect(await isTaken(file)).toBe(!isMeant);
  });
});
