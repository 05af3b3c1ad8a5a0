import { spawnSync } from "node:child_process";

export const terminalEnv = { PATH: process.env.PATH, TERM: "xterm", SHELL: "/bin/sh" };

/** What a command shows on a terminal of 70 columns, whose keyboard gives `input`. */
export function onTerminal(line: string, input = ""): string {
  const command = `stty cols 70 rows 20; ${line}`;
  const args = ["-qec", command, "/dev/null"];
  return spawnSync("script", args, { encoding: "utf8", env: terminalEnv, input, timeout: 20_000 }).stdout;
}
