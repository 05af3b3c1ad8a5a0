/** A process that follows one log, over a socket or from a program's output, and counts what comes. */
import { spawn } from "node:child_process";
import { monotonicUs, readNumbered } from "../../test/support/numbered-line.ts";
import { Histogram } from "../histogram.ts";
import type { Answer, Heard, Hearing } from "./listener.ts";
import { LogSocket } from "./log-socket.ts";

const progressEveryMs = 50;
const lineFeed = 10;

const heard = { lines: 0, lastAtUs: 0, gaps: 0, fresh: 0, torn: 0 };
const latency = new Histogram();
const startCpu = process.cpuUsage();
let isOpen = false;
let hearing: Hearing | undefined;

function say(answer: Answer): void {
  process.send?.(answer);
}

function fail(reason: string): void {
  say({ kind: "failed", reason });
}

/** Whatever comes first says that it is followed from here on, and does not count. */
function isFirst(pid: number): boolean {
  if (isOpen) return false;
  isOpen = true;
  say({ kind: "opened", pid });
  return true;
}

function took(lines: readonly string[]): void {
  const nowUs = monotonicUs();
  heard.lines += lines.length;
  heard.lastAtUs = nowUs;
  if (hearing?.isTimed) for (const line of lines) time(line, nowUs);
}

function time(line: string, nowUs: number): void {
  const said = readNumbered(line);
  if (said) latency.record(nowUs - said.stampUs);
  else heard.torn += 1;
}

function frame(json: string): void {
  const { type, lines, reason } = JSON.parse(json) as { type: string; lines?: string[]; reason?: string };
  if (type === "gap") heard.gaps += 1;
  if (type === "backlog" && (isFirst(0) || reason === undefined)) return;
  if (type === "backlog") heard.fresh += 1;
  if (lines) took(lines);
}

/** A reader that only counts does not make text of what it counts; for a frame it has to. */
function countLines(chunk: Buffer): void {
  let count = 0;
  for (let at = chunk.indexOf(lineFeed); at >= 0; at = chunk.indexOf(lineFeed, at + 1)) count += 1;
  heard.lines += count;
  heard.lastAtUs = monotonicUs();
}

function run([command = "", ...args]: readonly string[]): void {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  let rest = "";
  child.stdout.on("data", (chunk: Buffer) => {
    if (isFirst(child.pid ?? 0)) return;
    if (!hearing?.isTimed) return countLines(chunk);
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    took(lines);
  });
  child.on("exit", (code) => fail(`${command} ended with ${code}`));
  process.on("exit", () => child.kill("SIGKILL"));
}

function start(asked: Hearing): void {
  hearing = asked;
  if ("command" in asked) run(asked.command);
  else new LogSocket(asked.request, frame, fail);
  setInterval(() => say({ kind: "heard", heard: snapshot() }), progressEveryMs);
}

function snapshot(): Heard {
  const { user, system } = process.cpuUsage(startCpu);
  return { ...heard, cpuUs: user + system };
}

process.on("message", (asked: Hearing | "report") => {
  if (asked === "report") say({ kind: "report", heard: snapshot(), latency: latency.counts });
  else start(asked);
});
process.on("disconnect", () => process.exit());
process.on("SIGTERM", () => process.exit());
