import { execFile } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { program } from "../../src/cli/program.ts";
import { startGateway } from "../support/gateway.ts";
import { compiled, main, makeFolder, skein } from "../support/process.ts";

describe("skein completion", () => {
  test("completes commands, flags, shells and names of instances in bash", async () => {
    await using gateway = await startGateway();
    await gateway.publish("instances/complete-me", { status: "running" });
    using bin = makeFolder();
    writeFileSync(join(bin.path, "skein"), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
    chmodSync(join(bin.path, "skein"), 0o755);
    const completions = {
      "skein res": "restart",
      "skein token c": "check",
      "skein ps --tok": "--token-file",
      "skein down --n": "--no-wait",
      "skein up comp": "complete-me",
      "skein logs comp": "complete-me",
      "skein completion f": "fish",
    };
    const ask = `eval "$(skein completion bash)"
      for line; do COMP_WORDS=($line); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _skein; echo "\${COMPREPLY[*]}"; done`;
    const env = { PATH: `${bin.path}:${process.env.PATH}`, ...compiled, SKEIN_URL: gateway.url };
    const words = ["-c", ask, "bash", ...Object.keys(completions)];
    const { stdout } = await promisify(execFile)("bash", words, { env });
    expect(
      stdout
        .split("\n")
        .slice(0, -1)
        .map((line) => line.trim()),
    ).toEqual(Object.values(completions));
  });

  test.each(["zsh", "fish"])("has a script for %s with every command in it", async (shell) => {
    const { stdout } = await skein(["completion", shell]);
    for (const command of program().commands) expect(stdout).toContain(command.name());
    expect(stdout).toContain("skein ps --all --names");
  });
});

test("Every command has help with an example that begins with its name", () => {
  for (const command of program().commands) {
    let help = "";
    command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
    expect(help).toMatch(new RegExp(`\\nExamples?:\\n  .*skein ${command.name()} ?`));
  }
});
