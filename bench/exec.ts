// npm run bench exec [-- --json]: what it costs to run a command by skein exec, measured from outside.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Children } from "./children.ts";
import { noLimits } from "./limits.ts";
import { accepts, freePort, whenReady } from "./port.ts";
import { table } from "./report.ts";

const help = `What it costs to run a command by skein exec, on this machine, with a gateway that hears of it.

  npm run bench exec [-- options]

  --json   figures as JSON
  --help   this text

  Each command runs alone and by skein exec: with its output inherited (--progress off), and with somebody who looks at it
  (percent, lines). They take turns, five times; medians. Time and CPU are of the command and of all that runs it, not of the gateway.

  start    true: what a command costs at the least, mostly the start of Node
  10 MB/s  5 s of 100 KB every 10 ms, and how late the first byte of each arrives at the reader
  flood    1 GB as fast as it is taken
`;

const rounds = 5;
const chunkBytes = 100_000;
const stampBytes = 20;

/** Writes 10 MB/s; each chunk begins with the time at which it is written. */
const writer = `let left = 500;
  const timer = setInterval(() => {
    const stamp = String(process.hrtime.bigint()).padEnd(${stampBytes - 1}) + " ";
    require("node:fs").writeSync(1, stamp + (left % 100) + "% " .padEnd(${chunkBytes - stampBytes} - 1 - String(left % 100).length, "x") + "\\n");
    if (--left === 0) clearInterval(timer);
  }, 10);`;

const loads = [
  { name: "start", words: ["true"] },
  { name: "10 MB/s", words: [process.execPath, "-e", writer] },
  { name: "flood", words: ["head", "-c", "1G", "/dev/zero"] },
] as const;
const ways = ["alone", "off", "percent", "lines"] as const;

interface Cost {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly bytes: number;
  readonly latenciesMs: readonly number[];
}

const children = new Children();
const folder = mkdtempSync(join(tmpdir(), "skein-bench-"));
process.on("exit", () => {
  children.kill();
  rmSync(folder, { recursive: true, force: true });
});
const main = new URL("../src/cli/main.ts", import.meta.url).pathname;

if (process.argv.includes("--help")) {
  console.log(help);
} else {
  const url = await startGateway();
  const rows: string[][] = [];
  for (const { name, words } of loads) {
    const costs = new Map<string, Cost[]>(ways.map((way) => [way, []]));
    for (let round = 0; round < rounds; round++) {
      for (const way of ways) costs.get(way)?.push(await measure(wordsOf(way, words), url));
    }
    const alone = costs.get("alone") ?? [];
    for (const [way, found] of costs) rows.push([name, way, ...figures(found, alone)]);
  }
  const columns = ["load", "way", "s", "CPU s", "+ s", "+ CPU s", "MB/s", "late p50 ms", "late p99 ms"];
  console.log(process.argv.includes("--json") ? JSON.stringify({ columns, rows }, null, 2) : table(columns, rows));
  await children.stop();
}

function wordsOf(way: (typeof ways)[number], words: readonly string[]): readonly string[] {
  if (way === "alone") return words;
  return [process.execPath, main, "exec", "--crew", "bench", "--run", "bench", "--progress", way, "--", ...words];
}

async function startGateway(): Promise<string> {
  const port = await freePort();
  const args = ["start", "--data", ":memory:", "--port", String(port), ...noLimits];
  const program = children.spawn(process.execPath, [main, ...args]);
  await whenReady(program, () => accepts(port));
  return `http://127.0.0.1:${port}`;
}

/** Runs a command below a shell that says what it has used, all its children included. */
async function measure(words: readonly string[], url: string): Promise<Cost> {
  const script = 'TIMEFORMAT="%R %U %S"; time "$@"';
  const env = { ...process.env, SKEIN_URL: url };
  const child = spawn("bash", ["-c", script, "bash", ...words], { stdio: ["ignore", "pipe", "pipe"], env });
  const latenciesMs: number[] = [];
  let bytes = 0;
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => {
    latenciesMs.push(...latenciesIn(chunk, bytes));
    bytes += chunk.length;
  });
  child.stderr.on("data", (chunk: Buffer) => {
    said += chunk;
  });
  const [code] = await once(child, "close");
  const times = /^([\d.]+) ([\d.]+) ([\d.]+)\n$/.exec(said);
  if (code !== 0 || times === null) throw new Error(`${words.join(" ")} ended with ${code}: ${said}`);
  const [seconds = 0, user = 0, system = 0] = times.slice(1).map(Number);
  return { seconds, cpuSeconds: user + system, bytes, latenciesMs };
}

/** How late the beginnings of chunks are that lie in these bytes, of which so many came before. */
function latenciesIn(bytes: Buffer, before: number): number[] {
  const found: number[] = [];
  const now = process.hrtime.bigint();
  const first = (chunkBytes - (before % chunkBytes)) % chunkBytes;
  for (let at = first; at + stampBytes <= bytes.length; at += chunkBytes) {
    const stamp = bytes.toString("latin1", at, at + stampBytes).trim();
    if (/^\d{6,}$/.test(stamp)) found.push(Number(now - BigInt(stamp)) / 1e6);
  }
  return found;
}

function figures(costs: readonly Cost[], alone: readonly Cost[]): string[] {
  const of = (some: readonly Cost[], figure: (cost: Cost) => number) => percentile(some.map(figure), 0.5);
  const seconds = of(costs, (cost) => cost.seconds);
  const cpu = of(costs, ({ cpuSeconds }) => cpuSeconds);
  const bytes = of(costs, (cost) => cost.bytes);
  const latencies = costs.flatMap(({ latenciesMs }) => latenciesMs);
  const late = (share: number) => (latencies.length === 0 ? "" : percentile(latencies, share).toFixed(2));
  return [
    seconds.toFixed(2),
    cpu.toFixed(2),
    (seconds - of(alone, (cost) => cost.seconds)).toFixed(2),
    (cpu - of(alone, ({ cpuSeconds }) => cpuSeconds)).toFixed(2),
    bytes === 0 ? "" : (bytes / seconds / 1e6).toFixed(0),
    late(0.5),
    late(0.99),
  ];
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
}
