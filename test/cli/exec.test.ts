import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startGateway } from "../support/gateway.ts";
import { main, makeFolder, Run, skein } from "../support/process.ts";
import { type Production, pour, startProduction, untilEnded } from "./producing.ts";

let production: Production;
beforeAll(async () => {
  production = await startProduction();
});
afterAll(() => production[Symbol.asyncDispose]());

let crews = 0;
/** The flags of a command of a crew of its own. */
function newCrew(): { readonly crew: string; readonly flags: readonly string[] } {
  crews += 1;
  return { crew: `crew-${crews}`, flags: ["exec", "--crew", `crew-${crews}`, "--run", "r1"] };
}

const watches = ["off", "percent", "lines"];

describe("A command run by skein exec", () => {
  test.each(watches)("says, hears and ends as it would alone, with --progress %s", async (watch) => {
    const { flags } = newCrew();
    const script = "cat; echo trouble >&2; exit 3";
    const ran = await production.said([...flags, "--progress", watch, "--", "sh", "-c", script], { input: "grüße\n" });
    expect(ran).toEqual({ code: 3, stdout: "grüße\n", stderr: "trouble\n" });
  });

  test("is told of from its start to its end", async () => {
    const { crew, flags } = newCrew();
    using graph = await production.graph(crew);
    await production.said([...flags, "--tool", "build", "--", "sh", "-c", "exit 3"]);
    const [start, end] = await untilEnded(graph);
    const about = { crew_id: crew, run_id: "r1", agent_id: "tester", tool: "build", call_id: start?.call_id };
    const params = { argv: ["sh", "-c", "exit 3"] };
    expect(start).toMatchObject({ type: "tool_start", ...about, params, lease_s: 30, timestamp: expect.any(String) });
    expect(end).toMatchObject({ type: "tool_end", ...about, exit_code: 3, status: "error" });
    expect(end?.duration_s).toBeGreaterThan(0);
  });

  test("shows none of the secrets in its words", async () => {
    const { crew, flags } = newCrew();
    using graph = await production.graph(crew);
    const words = ["true", "--password", "hunter2", "--api-key=hunter2", "https://ann:hunter2@host/", "--verbose"];
    await production.said([...flags, "--", ...words]);
    const [start] = await untilEnded(graph);
    const argv = ["true", "--password", "***", "--api-key=***", "https://***@host/", "--verbose"];
    expect(start?.params).toEqual({ argv });
    expect(graph.raw.join()).not.toContain("hunter2");
  });

  test("is called as its program when nobody says how", async () => {
    const { crew, flags } = newCrew();
    using graph = await production.graph(crew);
    await production.said([...flags, "/bin/true"]);
    expect((await untilEnded(graph)).map(({ tool }) => tool)).toEqual(["true", "true"]);
  });
});

describe("The exit code is that of the command:", () => {
  test.each([
    ["a code of its own", ["sh", "-c", "exit 77"], 77, ""],
    ["128 and the number of a signal", ["sh", "-c", "kill -TERM $$"], 143, ""],
    ["127 for one that is not there", ["no-such-command"], 127, "skein: no-such-command: command not found\n"],
  ])("%s", async (_what, words, code, stderr) => {
    const { crew, flags } = newCrew();
    using graph = await production.graph(crew);
    expect(await production.said([...flags, "--", ...words])).toEqual({ code, stdout: "", stderr });
    expect((await untilEnded(graph)).at(-1)).toMatchObject({ exit_code: code, status: "error" });
  });

  test("126 for a file that is no program", async () => {
    using folder = makeFolder();
    const file = join(folder.path, "notes");
    writeFileSync(file, "no program\n");
    chmodSync(file, 0o600);
    const { code, stderr } = await production.said([...newCrew().flags, "--", file]);
    expect([code, stderr]).toEqual([126, `skein: ${file}: not an executable file\n`]);
  });

  test.each([
    ["no crew", ["exec", "--run", "r1", "--", "true"], "--crew"],
    ["a wrong address", ["exec", "--crew", "c", "--run", "r", "--via", "host", "--", "true"], "nats://127.0.0.1:4222"],
    ["a watch that is none", ["exec", "--crew", "c", "--run", "r", "--progress", "all", "--", "true"], "percent"],
    ["no run", ["exec", "--crew", "c", "--", "true"], "--run"],
    ["no command", ["exec", "--crew", "c", "--run", "r"], "command"],
  ])("125, like env and timeout, when the fault is ours: %s", async (_what, args, word) => {
    const { code, stdout, stderr } = await skein(args);
    expect([code, stdout]).toEqual([125, ""]);
    expect(stderr).toContain(word);
  });
});

describe("Output", () => {
  // 10 MB that no line and no character is whole in.
  const script = `const { createHash } = require("node:crypto");
    const { writeFileSync } = require("node:fs");
    const parts = [Buffer.alloc(0)];
    for (let i = 0; i < 2000; i++) parts.push(createHash("sha512").update(parts[i]).digest());
    const one = Buffer.concat(parts);
    for (let i = 0; i < 160; i++) writeFileSync(i % 2 + 1, one);`;

  test.each(watches)("of 10 MB comes as it is, on both ways out, with --progress %s", async (watch) => {
    const alone = createHash("sha256");
    const parts = [Buffer.alloc(0)];
    for (const part of parts) if (parts.push(createHash("sha512").update(part).digest()) > 2000) break;
    for (let i = 0; i < 80; i++) alone.update(Buffer.concat(parts));
    const digest = alone.digest("hex");
    const args = [...newCrew().flags, "--progress", watch, "--", process.execPath, "-e", script];
    expect(await pour(args, production.env)).toEqual({ code: 0, stdout: digest, stderr: digest });
  });

  test.each(watches)("keeps its order where both ways lead to one place, with --progress %s", async (watch) => {
    const lines = Array.from({ length: 200 }, (_, i) => `${i}\n`).join("");
    const script = "i=0; while [ $i -lt 200 ]; do echo $i >&$((i % 2 + 1)); i=$((i + 1)); done";
    const inner = `"$0" "$@" 2>&1`;
    const exec = ["exec", "--crew", newCrew().crew, "--run", "r1", "--progress", watch, "--", "sh", "-c", script];
    await using run = new ShellRun(inner, [process.execPath, main, ...exec], production.env);
    await run.exit;
    expect(run.stdout).toBe(lines);
  });

  test("can be written to by its name, also while somebody looks at it", async () => {
    const args = [...newCrew().flags, "--progress", "percent", "--", "sh", "-c", "echo here > /dev/stdout"];
    expect(await production.said(args)).toEqual({ code: 0, stdout: "here\n", stderr: "" });
  });

  test("that nobody reads ends the command, as it would alone", async () => {
    const args = ["exec", "--crew", newCrew().crew, "--run", "r1", "--progress", "percent", "--", "yes"];
    await using run = new ShellRun(
      `{ "$0" "$@"; echo $? >&2; } | head -1`,
      [process.execPath, main, ...args],
      production.env,
    );
    await run.exit;
    expect([run.stdout, run.stderr]).toEqual(["y\n", "141\n"]);
  });

  test("is not waited for when what is left running keeps it open", async () => {
    const script = "sleep 60 & echo $!";
    const { code, stdout } = await production.said([
      ...newCrew().flags,
      "--progress",
      "lines",
      "--",
      "sh",
      "-c",
      script,
    ]);
    process.kill(Number(stdout), "SIGKILL");
    expect(code).toBe(0);
  });
});

describe("Progress", () => {
  test("is the percentages in the output", async () => {
    const { crew, flags } = newCrew();
    using graph = await production.graph(crew);
    const script = "printf '\\rloading  7.5 %% of all'; sleep 0.2; printf '\\rloading 100%% of all, 250% more\\n'";
    await production.said([...flags, "--progress", "percent", "--", "sh", "-c", script]);
    const found = (await untilEnded(graph)).filter(({ type }) => type === "tool_progress");
    expect(found).toMatchObject([
      { progress: 0.075, message: "7.5%" },
      { progress: 1, message: "100%" },
    ]);
  });

  test("is the newest line when lines are asked for, without secrets and colours", async () => {
    const { crew, flags } = newCrew();
    using graph = await production.graph(crew);
    const script = "printf '\\033[31mone\\033[0m\\n'; sleep 0.2; echo two; echo token=hunter2; printf half";
    await production.said([...flags, "--progress", "lines", "--", "sh", "-c", script]);
    const found = (await untilEnded(graph)).filter(({ type }) => type === "tool_progress");
    expect(found.map(({ message }) => message)).toEqual(["one", "token=***"]);
  });

  test("is told at most once a second", async () => {
    const { crew, flags } = newCrew();
    using graph = await production.graph(crew);
    const script = "i=0; while [ $i -lt 60 ]; do echo $i%; i=$((i + 1)); sleep 0.02; done";
    await production.said([...flags, "--progress", "percent", "--", "sh", "-c", script]);
    const events = await untilEnded(graph);
    const told = events
      .filter(({ type }) => type === "tool_progress")
      .map(({ timestamp }) => Date.parse(String(timestamp)));
    expect(told.length).toBeGreaterThan(1);
    // The last one is what was not told yet when the command ended.
    for (const [i, at] of told.slice(1, -1).entries()) expect(at - (told[i] ?? 0)).toBeGreaterThanOrEqual(990);
    expect(events.at(-2)).toMatchObject({ progress: 0.59 });
  });

  test("with --strict a success with words on standard error is completed_with_errors", async () => {
    const { crew, flags } = newCrew();
    using graph = await production.graph(crew);
    const ran = await production.said([...flags, "--strict", "--progress", "off", "--", "sh", "-c", "echo hm >&2"]);
    expect(ran).toEqual({ code: 0, stdout: "", stderr: "hm\n" });
    expect((await untilEnded(graph)).at(-1)).toMatchObject({ exit_code: 0, status: "completed_with_errors" });
  });
});

describe("A signal reaches the command once", () => {
  test.each(["INT", "HUP", "QUIT", "USR1", "WINCH"])("%s", async (name) => {
    const { crew, flags } = newCrew();
    using graph = await production.graph(crew);
    const script = `n=0; trap 'n=$((n + 1)); echo caught' ${name}; echo ready; while [ $n -lt 1 ]; do sleep 0.05; done; sleep 0.2; exit 9`;
    await using run = production.start([...flags, "--progress", "off", "--", "sh", "-c", script]);
    await run.until(({ stdout }) => stdout.includes("ready"));
    run.signal(`SIG${name}` as NodeJS.Signals);
    expect(await run.exit).toEqual({ code: 9, signal: null });
    expect(run.stdout).toBe("ready\ncaught\n");
    expect((await untilEnded(graph)).at(-1)).toMatchObject({ exit_code: 9, status: "error" });
  });

  test("and the name of the one that has ended it is told", async () => {
    const { crew, flags } = newCrew();
    using graph = await production.graph(crew);
    await using run = production.start([...flags, "--", "sh", "-c", "echo ready; exec sleep 60"]);
    await run.until(({ stdout }) => stdout.includes("ready"));
    run.signal("SIGTERM");
    expect(await run.exit).toEqual({ code: 143, signal: null });
    expect((await untilEnded(graph)).at(-1)).toMatchObject({ exit_code: 143, signal: "SIGTERM", status: "error" });
  });
});

describe("Without a gateway", () => {
  const nowhere = ["exec", "--crew", "c", "--run", "r", "--flush", "200ms"];

  test.each([
    ["a gateway", ["--url", "http://127.0.0.1:9"], /^skein: The gateway at \S+ does not answer; [^\n]+\n$/],
    ["NATS", ["--via", "nats://ann:s3cret@127.0.0.1:9"], /^skein: [^\n]+; the command runs all the same[^\n]+\n$/],
    ["a token", ["--token-file", "nowhere"], /^skein: The token file cannot be read[^\n]+\n/],
  ])("a command runs as ever, and it is said once: %s", async (_what, args, said) => {
    const { code, stdout, stderr } = await skein([...nowhere, ...args, "--", "sh", "-c", "cat; exit 4"], {
      input: "in",
    });
    expect([code, stdout]).toEqual([4, "in"]);
    expect(stderr).toMatch(said);
    expect(stderr).not.toContain("s3cret");
  });

  test("its events arrive when a gateway comes while it runs", async () => {
    const crew = newCrew().crew;
    const before = await startGateway();
    const port = Number(new URL(before.url).port);
    await before.close();
    const args = ["exec", "--crew", crew, "--run", "r", "--flush", "20s", "--url", `http://127.0.0.1:${port}`];
    await using run = new Run([...args, "--", "sh", "-c", "echo ready; read line"], { env: {} });
    await run.until(({ stderr }) => stderr.includes("does not answer"));
    await using _gateway = await startGateway({ port });
    run.say("\n");
    expect((await run.exit).code).toBe(0);
    expect(run.stderr.split("\n")).toHaveLength(2);
  });
});

test("kill -9 of skein exec ends its tool as an error when its lease is over", async () => {
  const { crew, flags } = newCrew();
  using graph = await production.graph(crew);
  await using run = production.start([...flags, "--lease", "2", "--", "sh", "-c", "echo $$; exec sleep 30"]);
  await run.until(({ stdout }) => stdout.includes("\n"));
  await graph.until((frames) => frames.some(({ type }) => type === "tool_start"));
  run.signal("SIGKILL");
  process.kill(Number(run.stdout), "SIGKILL");
  expect((await untilEnded(graph)).at(-1)).toMatchObject({ status: "error", tool: "sh" });
});

/** A line of a shell, with `"$0" "$@"` for the words. */
class ShellRun implements AsyncDisposable {
  stdout = "";
  stderr = "";
  readonly exit: Promise<unknown>;
  readonly #kill: () => void;

  constructor(line: string, words: readonly string[], env: Readonly<Record<string, string>>) {
    const child = spawn("/bin/sh", ["-c", line, ...words], { env: { PATH: process.env.PATH, ...env } });
    child.stdout.on("data", (chunk) => {
      this.stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      this.stderr += chunk;
    });
    this.exit = once(child, "close");
    this.#kill = () => child.kill("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#kill();
  }
}
