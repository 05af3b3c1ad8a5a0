// npm run bench versions -- --source OTHER_CHECKOUT: what a delivery and an event cost two versions of the gateway, in turns.
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { connect as connectNats } from "nats";
import { startNatsServer } from "../test/support/nats-server.ts";
import { sleep } from "./clock.ts";
import { cpuUs } from "./measure.ts";
import { table } from "./report.ts";

const help = `What a delivery and an event cost two versions of the gateway, on this machine, in one run.

  npm run bench versions -- --source DIR [options]

  --source DIR   the other checkout; it must have its dependencies
  --rounds N     rounds of each, in turns: here, other, here, other …. Default: 5
  --clients N    clients that follow one run, half over WebSocket and half over Server-Sent Events. Default: 400
  --seconds N    how long each is measured. Default: 8
  --json         figures as JSON
  --help         this text

  fan-out   CPU of the gateway, user and system, for each frame that a client got, at 40 frames a second
  ingest    CPU of the gateway for each event that nobody on it follows, at 10,000 events a second
  Figures are medians in microseconds; the ratio is here ÷ other.
`;

const here = fileURLToPath(new URL("..", import.meta.url));
const framesPerSecond = 40;
const eventsPerSecond = 10_000;
const tickMs = 10;

const { values } = parseArgs({
  options: {
    source: { type: "string" },
    rounds: { type: "string", default: "5" },
    clients: { type: "string", default: "400" },
    seconds: { type: "string", default: "8" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
const forMs = Number(values.seconds) * 1000;
const body = new TextEncoder().encode(JSON.stringify({ type: "task_start", task_id: "t1", name: "x".repeat(60) }));

interface Cost {
  readonly fanout: number;
  readonly ingest: number;
}

async function measure(source: string): Promise<Cost> {
  const server = await startNatsServer();
  const flags = ["start", "--port", "0", "--data", ":memory:", "--nats", server.url];
  const child = spawn(process.execPath, [join(source, "src/cli/main.ts"), ...flags], { cwd: source });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  const address = () => /is at (http:\S+),/.exec(output)?.[1];
  while (address() === undefined) await sleep(20);
  const url = address() ?? "";
  while ((await fetch(`${url}/readyz`)).status !== 200) await sleep(20);
  const bus = await connectNats({ servers: server.url });
  const pid = child.pid ?? 0;
  const publish = (subject: string, perSecond: number) => pace(() => bus.publish(subject, body), perSecond);
  try {
    await publish("skein.default.runs.warm", eventsPerSecond);
    const ingest = await costOf(pid, () => publish("skein.default.runs.quiet", eventsPerSecond));
    const crowd = fork(new URL("./versions-crowd.ts", import.meta.url), [url, values.clients]);
    await once(crowd, "message");
    await publish("skein.default.runs.busy", framesPerSecond);
    const fanout = await costOf(pid, () => publish("skein.default.runs.busy", framesPerSecond));
    crowd.kill();
    return { ingest, fanout: fanout / Number(values.clients) };
  } finally {
    await bus.close();
    child.kill("SIGKILL");
    await server.stop();
  }
}

/** Publishes evenly for as long as a measurement lasts; gives how many it were. */
async function pace(publishOne: () => void, perSecond: number): Promise<number> {
  const began = performance.now();
  let count = 0;
  for (let elapsed = 0; elapsed < forMs; elapsed = performance.now() - began) {
    for (const due = (elapsed / 1000) * perSecond; count < due; count++) publishOne();
    await sleep(tickMs);
  }
  return count;
}

async function costOf(pid: number, load: () => Promise<number>): Promise<number> {
  const before = cpuUs(pid);
  const count = await load();
  await sleep(500);
  return (cpuUs(pid) - before) / count;
}

function medianOf(costs: readonly Cost[], figure: keyof Cost): number {
  return costs.map((cost) => cost[figure]).toSorted((a, b) => a - b)[Math.floor(costs.length / 2)] ?? Number.NaN;
}

if (values.help || values.source === undefined) {
  console.log(help);
} else {
  const other = resolve(values.source);
  const costs: Record<"here" | "other", Cost[]> = { here: [], other: [] };
  for (let round = 0; round < Number(values.rounds); round++) {
    costs.here.push(await measure(here));
    costs.other.push(await measure(other));
  }
  const rows = (["fanout", "ingest"] as const).map((figure) => {
    const [mine, theirs] = [medianOf(costs.here, figure), medianOf(costs.other, figure)];
    return [figure === "fanout" ? "fan-out" : "ingest", mine.toFixed(2), theirs.toFixed(2), (mine / theirs).toFixed(3)];
  });
  console.log(values.json ? JSON.stringify(costs, null, 2) : table(["µs", "here", "other", "ratio"], rows));
}
