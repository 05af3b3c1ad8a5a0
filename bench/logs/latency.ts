import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { LogWriter } from "../../test/support/log-writer.ts";
import { numberedLine } from "../../test/support/numbered-line.ts";
import { startGateway } from "./gateway.ts";
import { type Hearing, Listener } from "./listener.ts";
import { rivalNames, rivals } from "./rivals.ts";
import { column, type Row, type Section, type Stage } from "./section.ts";

/** Lines per second; of a quiet log one each 120 ms. */
const rates = [1000 / 120, 1_000, 10_000];
/** A quiet log needs longer for as many lines. */
const quietFactor = 3;

/** How long a line takes from the writer to the reader. */
export const latency: Section = {
  name: "latency",
  about: "from the moment before a line is written to its arrival at the reader",
  columns: [
    column("p50 ms", "p50Ms", 2),
    column("p90 ms", "p90Ms", 2),
    column("p99 ms", "p99Ms", 2),
    column("max ms", "maxMs", 2),
    column("lines", "lines"),
    column("not received", "missing"),
  ],
  run: async (stage) => {
    const rows: Row[] = [];
    for (const rate of rates) {
      for (const follower of stage.options.followers) rows.push(await measured(stage, rate, follower));
    }
    return rows;
  },
};

async function measured({ children, directory, options, say }: Stage, rate: number, follower: string): Promise<Row> {
  const log = rate < 100 ? "a line each 120 ms" : `${rate.toLocaleString("en-US")} lines/s`;
  say(`latency, ${log}: ${follower}`);
  const name = `${Math.round(rate)}-${follower}`.replaceAll(/\W+/g, "-");
  const path = join(directory, `${name}.log`);
  writeFileSync(path, numberedLine(1, options.bytes));
  try {
    const rival = rivalNames.find((one) => one === follower);
    const hearing: Hearing = rival
      ? { isTimed: true, command: rivals[rival](path) }
      : { isTimed: true, request: await requestOf(children, directory, follower, name) };
    const listener = await Listener.open(children, hearing);
    const count = Math.ceil(rate * options.seconds * (rate < 100 ? quietFactor : 1));
    const writer = await LogWriter.start({ path, perSecond: rate, bytes: options.bytes, areCut: false });
    const written = await writer.finish(count);
    await listener.settled(written);
    const times = await listener.report();
    const ms = (share: number) => times.percentile(share) / 1000;
    const { lines } = listener.heard;
    const figures = { p50Ms: ms(0.5), p90Ms: ms(0.9), p99Ms: ms(0.99), maxMs: ms(1) };
    return { log, follower, ...figures, lines, missing: written - lines };
  } finally {
    await children.stop();
  }
}

async function requestOf(children: Stage["children"], directory: string, follower: string, name: string) {
  const { port } = await startGateway(children, join(directory, "{name}.log"));
  return { transport: follower === "skein ws" ? "ws" : "sse", port, name, backlog: 1 } as const;
}
