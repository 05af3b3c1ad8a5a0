import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { knobs } from "../../src/config.ts";
import { makeFolder, skein } from "../support/process.ts";

interface Row {
  readonly knob: string;
  readonly value: string;
  readonly origin: string;
}

test("Every setting is shown with its value and where it came from", async () => {
  using folder = makeFolder();
  writeFileSync(join(folder.path, "skein.config.json"), JSON.stringify({ drainMs: 1234 }));
  const { code, stdout, stderr } = await skein(["config", "--host", "::1"], {
    cwd: folder.path,
    env: { SKEIN_PORT: "9000" },
  });
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/^port +9000 +environment SKEIN_PORT$/m);
  expect(stdout).toMatch(/^host +::1 +flag --host$/m);
  expect(stdout).toMatch(/^drainMs +1234 +file skein\.config\.json$/m);
  expect(stdout).toMatch(/^data +\.skein +default$/m);
  for (const { knob, description } of knobs) {
    expect(stdout).toMatch(new RegExp(`^${knob} `, "m"));
    expect(stdout).toContain(description);
  }
});

test("With --json the same is for programs to read", async () => {
  const { code, stdout } = await skein(["config", "--json"], { env: { SKEIN_PORT: "9000" } });
  const rows = JSON.parse(stdout) as Row[];
  expect(code).toBe(0);
  expect(rows.map(({ knob }) => knob)).toEqual(knobs.map(({ knob }) => knob));
  expect(rows.find(({ knob }) => knob === "port")).toMatchObject({ value: "9000", origin: "environment SKEIN_PORT" });
});

test.each([["config"], ["config", "--json"]])(
  "A password in an address of NATS is masked by %s %s",
  async (...args) => {
    const env = { NATS_URL: "nats://ann:s3cret@one:4222,nats://t0ken@two:4222" };
    const { stdout } = await skein(args.filter(Boolean), { env });
    expect(stdout).toContain("nats://ann:***@one:4222");
    expect(stdout).not.toMatch(/s3cret|t0ken/);
  },
);

test("A setting that cannot be used is told in a sentence", async () => {
  using folder = makeFolder();
  writeFileSync(join(folder.path, "skein.config.json"), JSON.stringify({ prot: 1 }));
  const { code, stderr } = await skein(["config"], { cwd: folder.path });
  expect(code).toBe(2);
  expect(stderr).toBe('skein: file skein.config.json sets "prot", which is no setting; did you mean "port"?\n');
});

const knobFlags = knobs.map(({ flag }) => flag);

describe("--help names every option of", () => {
  test.each([
    ["start", ["--config", ...knobFlags]],
    ["config", ["--config", "--json", ...knobFlags]],
    ["listen", ["--transport", "--since", "--url", "ws", "sse", "poll"]],
    ["publish", ["--key", "--url", "--token-file"]],
    ["token", ["--org", "--role", "--ttl", "--sub", "--instance", "--crew", "--jwt-secret-file", "check"]],
    ["revoke", ["--jti", "--sub", "--org", "--file", "--yes", "--token-file"]],
  ])("skein %s", async (command, options) => {
    const { code, stdout, stderr } = await skein([command, "--help"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain(`Usage: skein ${command}`);
    for (const option of options) expect(stdout).toContain(option);
  });

  test("skein, and every command", async () => {
    const { code, stdout } = await skein(["--help"]);
    expect(code).toBe(0);
    for (const command of ["start", "config", "listen", "publish"])
      expect(stdout).toMatch(new RegExp(`^ +${command} `, "m"));
  });
});

test("--version says the version of the package", async () => {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  expect(await skein(["--version"])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
});
