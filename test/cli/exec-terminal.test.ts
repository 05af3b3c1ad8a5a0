import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { main } from "../support/process.ts";
import { type Production, startProduction, untilEnded } from "./producing.ts";

const typist = fileURLToPath(new URL("typing.py", import.meta.url));

/** What was shown on a terminal, and how the program on it ended: with a code, or below 0 by a signal. */
interface Session {
  readonly shown: string;
  readonly code: number;
}

let production: Production;
beforeAll(async () => {
  production = await startProduction();
});
afterAll(() => production[Symbol.asyncDispose]());

/** Runs a command on a terminal of its own; when it shows what a step waits for, that is typed. */
async function typing(words: readonly string[], steps: readonly (readonly [string, string])[]): Promise<Session> {
  const python = process.env.PYTHON_BIN ?? "python3";
  const child = spawn(python, [typist, ...words], {
    env: { ...process.env, ...production.env, TERM: "xterm", PS1: "$ ", SKEIN: `${process.execPath} ${main}` },
    stdio: ["ignore", "pipe", "inherit", "pipe"],
  });
  const steering = child.stdio[3];
  if (steering && "end" in steering) steering.end(JSON.stringify(steps));
  return JSON.parse(child.stdout ? await text(child.stdout) : "") as Session;
}

const skein = [process.execPath, main];
const flags = (crew: string) => ["exec", "--crew", crew, "--run", "r1", "--"];

describe("On a terminal", () => {
  test("a command has it, and nobody looks at its output", async () => {
    using graph = await production.graph("terminal");
    const script =
      "test -t 0 && test -t 1 && test -t 2 && echo mine: 50%; stty -g < /dev/tty > /dev/null && echo steered";
    const { shown, code } = await typing([...skein, ...flags("terminal"), "sh", "-c", script], []);
    expect([shown, code]).toEqual(["mine: 50%\r\nsteered\r\n", 0]);
    expect((await untilEnded(graph)).map(({ type }) => type)).toEqual(["tool_start", "tool_end"]);
  });

  test("a command is asked and answers", async () => {
    const script = 'printf "name? "; read name; echo "hello $name"';
    const { shown } = await typing([...skein, ...flags("c"), "sh", "-c", script], [["name\\? ", "ann\n"]]);
    expect(shown).toContain("hello ann");
  });

  test("Ctrl-C reaches the command once, from the terminal itself", async () => {
    const script =
      "n=0; trap 'n=$((n + 1)); echo caught' INT; echo ready; while [ $n -lt 1 ]; do sleep 0.05; done; sleep 0.3; exit 9";
    const { shown, code } = await typing([...skein, ...flags("c"), "sh", "-c", script], [["ready", "\x03"]]);
    expect(shown.match(/caught/g)).toHaveLength(1);
    expect(code).toBe(9);
  });

  test("Ctrl-C that ends the command ends the script around it, as it would without us", async () => {
    const script =
      "for i in 1 2 3; do $SKEIN exec --crew c --run r1 -- sh -c 'echo ready; exec sleep 20'; done; echo never";
    const { shown, code } = await typing(["bash", "-c", script], [["ready", "\x03"]]);
    expect(shown.match(/ready/g)).toHaveLength(1);
    expect(shown).not.toContain("never");
    expect(code).toBe(-2);
  });

  test("Ctrl-Z gives the shell back, and fg goes on", async () => {
    const script = "echo one; sleep 1; echo two";
    const { shown, code } = await typing(
      ["bash", "--norc", "-i"],
      [
        ["[#$] ", `$SKEIN exec --crew c --run r1 -- sh -c '${script}'\n`],
        ["\rone\r", "\x1a"],
        ["Stopped", "echo between $((1 + 1))\n"],
        ["between 2", "fg\n"],
        ["\ntwo\r", "exit 5\n"],
      ],
    );
    expect(shown).toMatch(/one[\s\S]*Stopped[\s\S]*between 2[\s\S]*two/);
    expect(code).toBe(5);
  });
});

test("SIGTSTP stops a command that has no terminal, and SIGCONT lets it go on", async () => {
  const script = "echo $$; i=0; while [ $i -lt 20 ]; do sleep 0.05; i=$((i + 1)); done; echo over";
  await using run = production.start([...flags("stopping"), "sh", "-c", script]);
  await run.until(({ stdout }) => stdout.includes("\n"));
  const pid = Number(run.stdout);
  run.signal("SIGTSTP");
  await untilState(run.pid, "T");
  // A process group that no shell looks after is not stopped: the kernel ignores the signal there.
  if (await canBeStopped()) await untilState(pid, "T");
  run.signal("SIGCONT");
  await untilState(pid, "[SR]");
  expect(await run.exit).toEqual({ code: 0, signal: null });
  expect(run.stdout).toBe(`${pid}\nover\n`);
});

/** Whether the kernel stops a process of this group for SIGTSTP. */
async function canBeStopped(): Promise<boolean> {
  const child = spawn("sleep", ["60"]);
  try {
    child.kill("SIGTSTP");
    // The signal is delivered before the next one is taken.
    child.kill("SIGUSR2");
    const ended = once(child, "exit").then(() => false);
    return await Promise.race([ended, untilState(child.pid ?? 0, "T").then(() => true)]);
  } finally {
    child.kill("SIGKILL");
  }
}

/** Looks at a process until it is in a state. */
async function untilState(pid: number, state: string): Promise<void> {
  const isIt = new RegExp(`\\) ${state} `);
  while (!isIt.test(readFileSync(`/proc/${pid}/stat`, "latin1")))
    await new Promise((resolve) => setTimeout(resolve, 20));
}
