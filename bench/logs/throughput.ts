import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { numberedLine } from "../../test/support/numbered-line.ts";
import { cpuUs } from "../measure.ts";
import { startGateway } from "./gateway.ts";
import { type Hearing, Listener } from "./listener.ts";
import { rivalNames, rivals } from "./rivals.ts";
import { column, type Row, type Section, type Stage } from "./section.ts";

const pourModule = fileURLToPath(new URL("./pour.process.ts", import.meta.url));
const megabyte = 1_000_000;
const blocks = 10;

/** A log that grows as fast as the disk takes it, and one that grows in bursts. */
export const throughput: Section = {
  name: "throughput",
  about:
    "a log grows as fast as the disk takes it, at once or in ten bursts, each when the one before has been received",
  columns: [
    column("MB/s", "mbPerSecond", 1),
    column("lines/s", "linesPerSecond"),
    column("took ms", "tookMs"),
    column("CPU s", "cpuS", 2),
    column("reader CPU s", "readerCpuS", 2),
    column("lines", "lines"),
    column("not received", "missing"),
    column("fresh starts", "fresh"),
  ],
  run: async (stage) => {
    const rows: Row[] = [];
    for (const load of loadsOf(stage)) {
      for (const name of stage.options.followers) rows.push(await measured(stage, load, name));
    }
    return rows;
  },
};

interface Load {
  readonly name: string;
  readonly block: string;
  readonly linesInBlock: number;
  /** How many blocks are written at once, and how often. */
  readonly blocks: number;
  readonly rounds: number;
}

function loadsOf({ directory, options }: Stage): Load[] {
  const block = join(directory, "block");
  const linesInBlock = Math.ceil((options.mb * megabyte) / blocks / options.bytes);
  const lines = Array.from({ length: linesInBlock }, (_, at) => numberedLine(at, options.bytes, 0));
  writeFileSync(block, lines.join(""));
  return [
    { name: "at once", block, linesInBlock, blocks, rounds: 1 },
    { name: "bursts", block, linesInBlock, blocks: 1, rounds: blocks },
  ];
}

async function measured(stage: Stage, load: Load, follower: string): Promise<Row> {
  const { children, directory, options, say } = stage;
  say(`throughput, ${load.name}: ${follower}`);
  const name = `${load.name}-${follower}`.replaceAll(/\W+/g, "-");
  const path = join(directory, `${name}.log`);
  writeFileSync(path, numberedLine(1, options.bytes, 0));
  try {
    const [hearing, server] = await followed(stage, follower, name, path);
    const listener = await Listener.open(children, hearing);
    const pid = server ?? listener.pid;
    const total = load.linesInBlock * blocks;
    const [cpuBefore, readerBefore] = [cpuUs(pid), listener.heard.cpuUs];
    const tookS = (await pour(path, load, listener)) / 1e6;
    const cpuS = (cpuUs(pid) - cpuBefore) / 1e6;
    await listener.report();
    const { heard } = listener;
    return {
      load: load.name,
      follower,
      mbPerSecond: (heard.lines * options.bytes) / megabyte / tookS,
      linesPerSecond: heard.lines / tookS,
      tookMs: tookS * 1000,
      cpuS,
      readerCpuS: (heard.cpuUs - readerBefore) / 1e6,
      lines: heard.lines,
      missing: total - heard.lines,
      fresh: heard.fresh,
    };
  } finally {
    await children.stop();
  }
}

async function followed(
  { children, directory }: Stage,
  follower: string,
  name: string,
  path: string,
): Promise<readonly [Hearing, number | undefined]> {
  const rival = rivalNames.find((one) => one === follower);
  if (rival) return [{ isTimed: false, command: rivals[rival](path) }, undefined];
  const { port, program } = await startGateway(children, join(directory, "{name}.log"));
  const transport = follower === "skein ws" ? "ws" : "sse";
  return [{ isTimed: false, request: { transport, port, name, backlog: 1 } }, program.pid];
}

/** Appends all blocks and gives the microseconds in which they were received. */
async function pour(path: string, { block, linesInBlock, blocks, rounds }: Load, listener: Listener): Promise<number> {
  const child: ChildProcess = fork(pourModule, [path, block]);
  let tookUs = 0;
  for (let round = 1; round <= rounds; round++) {
    child.send(blocks);
    const [begunUs]: number[] = await once(child, "message");
    await listener.settled(linesInBlock * blocks * round);
    tookUs += listener.heard.lastAtUs - (begunUs ?? 0);
  }
  child.disconnect();
  return tookUs;
}
