import { execFile } from "node:child_process";
import { chmodSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { isAlive, startFleet, templates } from "../support/fleet.ts";
import { main, makeFolder, Run, type Started, skein, startSkein } from "../support/process.ts";
import { token } from "../support/tokens.ts";
import { startEnforced } from "./enforced.ts";

const keys = "https://login.example.com/keys";

/** The line of the banner that begins with a word, without that word. */
function lineOf({ run }: Pick<Started, "run">, word: string): string {
  const line = run.lines.find((text) => text.trim().startsWith(word)) ?? "";
  return line.trim().slice(word.length).trim();
}

describe("In mode open", () => {
  test("the banner says so, its link opens the page once, and its key, which nobody else reads, makes tokens that it takes", async () => {
    using folder = makeFolder();
    const data = join(folder.path, "data");
    await using gateway = await startSkein(["--data", data]);
    expect(gateway.run.stdout).toContain("Mode open: whoever reaches it may do everything but what needs a token");
    const link = lineOf(gateway, "Open");
    expect(link).toMatch(/^http:\S+\/session\?ticket=\S+$/);
    const first = await fetch(link, { redirect: "manual" });
    expect(first.status).toBe(303);
    expect(first.headers.get("set-cookie")).toMatch(/^skein_session=\S+; .*HttpOnly; SameSite=Strict/);
    expect((await fetch(new URL(first.headers.get("location") ?? "", link))).status).toBe(200);
    const second = await fetch(link, { redirect: "manual" });
    expect([second.status, second.headers.get("set-cookie")]).toEqual([401, null]);
    const modes = [data, join(data, "auth.key")].map((path) => (statSync(path).mode & 0o777).toString(8));
    expect(modes).toEqual(["700", "600"]);
    const { stdout: made } = await skein(["token", "--data", data]);
    const ps = (SKEIN_TOKEN: string) => skein(["ps"], { env: { SKEIN_URL: gateway.url, SKEIN_TOKEN } });
    expect(await ps(made)).toMatchObject({ code: 0 });
    expect(await ps(`${made.trim()}x`)).toMatchObject({ code: 1, stdout: "" });
  });

  test("the link goes nowhere when nobody can sign what it opens", async () => {
    using folder = makeFolder();
    await using gateway = await startSkein(["--data", folder.path, "--jwks-url", keys]);
    expect(lineOf(gateway, "Open")).toBe(`${gateway.url}/`);
  });
});

describe("In mode enforced", () => {
  test("nobody gets in without a token, and the lines of the banner get one and use it", async () => {
    await using gateway = await startEnforced(["--jwt-issuer", "it's me", "--jwt-audience", "skein"]);
    expect(gateway.run.stdout).toContain("Mode enforced: nobody gets in without a token");
    using bin = makeFolder();
    writeFileSync(join(bin.path, "skein"), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
    chmodSync(join(bin.path, "skein"), 0o755);
    const env = { PATH: `${bin.path}:${process.env.PATH}` };
    const shell = (script: string) => promisify(execFile)("/bin/sh", ["-c", script], { env });
    const publish = lineOf(gateway, "Publish");
    expect((await shell(publish)).stdout).toContain('"code":"token_invalid"');
    const { stdout } = await shell(
      `${lineOf(gateway, "Token")}\n${publish}; ${lineOf(gateway, "Follow")} -m 1 || true`,
    );
    expect(stdout).toContain('{"subject":"skein.default.instances.agent-1"');
    expect(stdout).toContain('data: {"type":"snapshot","instances":[{"name":"agent-1"');
  });

  test("the banner says where tokens come from, here from elsewhere", async () => {
    await using run = new Run(["start", "--port", "0", "--auth", "enforced", "--jwks-url", keys]);
    await run.until(({ stdout }) => stdout.includes("Open"));
    expect(lineOf({ run }, "Token")).toBe(`from whom ${keys} belongs to`);
  });

  test("a gateway may listen beyond loopback, and whoever keeps nothing must name a secret", async () => {
    await using run = new Run([
      "start",
      "--port",
      "0",
      "--host",
      "0.0.0.0",
      "--auth",
      "enforced",
      "--data",
      ":memory:",
    ]);
    await run.until(({ stdout }) => stdout.includes("Open"));
    const port = /is at http:\/\/0\.0\.0\.0:(\d+)/.exec(run.stdout)?.[1];
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${port}/api/instances`)).status).toBe(401);
    const why = "name a secret with --jwt-secret-file: nobody can sign with the key of this process";
    expect(lineOf({ run }, "Token")).toBe(why);
  });

  test("a node that keeps nothing stops its instances when it goes", async () => {
    const fleet = { sleeper: { ...templates.sleeper, instances: { brief: {} } } };
    using folder = makeFolder();
    const secret = join(folder.path, "secret");
    writeFileSync(secret, "s3cret".repeat(6));
    await using gateway = await startFleet(fleet, ["--auth", "enforced", "--jwt-secret-file", secret]);
    const facts = { org: "default", roles: ["operator", "viewer"] };
    const SKEIN_TOKEN = await token(facts, new TextEncoder().encode("s3cret".repeat(6)));
    const at = (...args: string[]) => skein(args, { env: { SKEIN_TOKEN, SKEIN_URL: gateway.url } });
    expect(await at("up", "brief")).toMatchObject({ code: 0 });
    const [{ pid }] = JSON.parse((await at("ps", "--json")).stdout);
    gateway.run.signal("SIGTERM");
    expect(await gateway.run.exit).toEqual({ code: 0, signal: null });
    expect(gateway.run.stderr).not.toContain("token");
    expect(isAlive(pid)).toBe(false);
  });

  test("a key that others may read is refused", async () => {
    using folder = makeFolder();
    writeFileSync(join(folder.path, "auth.key"), "k".repeat(43));
    chmodSync(join(folder.path, "auth.key"), 0o644);
    const { code, stdout, stderr } = await skein(["start", "--port", "0", "--data", folder.path]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^skein: \S+auth\.key, .*may be read by others \(mode 644\): chmod 600 [^\n]+\n$/);
  });
});
