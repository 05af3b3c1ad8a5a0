import { execFile } from "node:child_process";
import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { numberedLine } from "../../test/support/numbered-line.ts";
import { Histogram } from "../histogram.ts";
import { startGateway } from "./gateway.ts";
import { LogSocket } from "./log-socket.ts";
import { column, type Row, type Section } from "./section.ts";

const megabyte = 1_000_000;
const sizes = [
  ["1 MB", megabyte],
  ["1 GB", 1000 * megabyte],
  ["20 GB", 20_000 * megabyte],
] as const;
const lines = 1000;
/** How many logs of each size there are, and how often each is asked for once it is followed. */
const [logs, askings] = [15, 4];

/** What the newest lines of a log cost. */
export const backlog: Section = {
  name: "backlog",
  about:
    "1,000 lines from the end of a log: from connecting to the whole first frame; tail: a process that is started for it",
  columns: [column("p50 ms", "p50Ms", 2), column("p99 ms", "p99Ms", 2), column("lines", "lines"), column("KB", "kb")],
  run: async ({ children, directory, options, say }) => {
    const make = (kind: string, size: number) =>
      Array.from({ length: logs }, (_, at) => makeLog(directory, `${kind}-${at}`, size, options.bytes));
    const warm = make("warm", megabyte);
    const all = sizes.map(([size, bytes]) => [size, make(size.replace(" ", ""), bytes)] as const);
    const { port } = await startGateway(children, join(directory, "{name}.log"));
    const rows: Row[] = [];
    // The first connections pay for code that has never run.
    for (const name of warm) await ask(port, name);
    for (const [size, names] of all) {
      say(`backlog: ${size}`);
      rows.push({ size, asked: "skein ws, not followed yet", ...(await timed(names, (name) => ask(port, name))) });
      const again = Array.from({ length: askings }, () => names).flat();
      rows.push({ size, asked: "skein ws, followed already", ...(await timed(again, (name) => ask(port, name))) });
      rows.push({ size, asked: "tail -n 1000", ...(await timed(names, (name) => tailOf(directory, name))) });
    }
    await children.stop();
    return rows;
  },
};

/** What came: how many lines, in how many bytes. */
interface Newest {
  readonly lines: number;
  readonly bytes: number;
}

/** A file with holes, whose last megabyte is lines. */
function makeLog(directory: string, name: string, size: number, bytes: number): string {
  const count = Math.floor(megabyte / bytes);
  const text = Array.from({ length: count }, (_, at) => numberedLine(at + 1, bytes)).join("");
  const file = openSync(join(directory, `${name}.log`), "w");
  ftruncateSync(file, size - count * bytes);
  writeSync(file, text, size - count * bytes);
  closeSync(file);
  return name;
}

async function timed(names: readonly string[], newestOf: (name: string) => Promise<Newest>): Promise<Row> {
  const times = new Histogram();
  let newest: Newest = { lines: 0, bytes: 0 };
  for (const name of names) {
    const begun = performance.now();
    newest = await newestOf(name);
    times.record((performance.now() - begun) * 1000);
  }
  const ms = (share: number) => times.percentile(share) / 1000;
  return { p50Ms: ms(0.5), p99Ms: ms(0.99), lines: newest.lines, kb: newest.bytes / 1000 };
}

function ask(port: number, name: string): Promise<Newest> {
  return new Promise((resolve, reject) => {
    const take = (json: string) => {
      socket.close();
      const frame = JSON.parse(json) as { lines?: string[] };
      if (frame.lines?.length === lines) resolve({ lines, bytes: json.length });
      else reject(new Error(`Not ${lines} lines of ${name}: ${json.slice(0, 200)}`));
    };
    const fail = (reason: string) => reject(new Error(reason));
    const socket = new LogSocket({ transport: "ws", port, name, backlog: lines }, take, fail);
  });
}

async function tailOf(directory: string, name: string): Promise<Newest> {
  const args = ["-n", String(lines), join(directory, `${name}.log`)];
  const { stdout } = await promisify(execFile)("tail", args, { maxBuffer: 10 * megabyte });
  return { lines: stdout.split("\n").length - 1, bytes: stdout.length };
}
