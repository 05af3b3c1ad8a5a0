// npm run bench publish [-- --json]: what an acknowledged publish costs whoever publishes, beside bare `nats`.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectNats } from "nats";
import { connect } from "../src/publisher/index.ts";
import { type Bus, startBus } from "./bus.ts";
import { Children, type Program } from "./children.ts";
import { noLimits } from "./limits.ts";
import { cpuUs } from "./measure.ts";
import { accepts, freePort, whenReady } from "./port.ts";
import { table } from "./report.ts";

const help = `What an acknowledged publish costs whoever publishes, on this machine.

  npm run bench publish [-- options]

  --json   figures as JSON
  --help   this text

  Events of 120 bytes of 64 runs: one at a time, 64 and 1,000 waiting for their acknowledgement. The publisher, the gateway and
  the nats-server are processes of their own. The ways take turns, five times; medians. "CPU µs" is that of the publisher for each
  message, "servers µs" that of gateway and nats-server together. HTTP has 64 connections, so more than 64 calls wait in line.

  nats             js.publish of the package nats, with a message id: the floor
  SDK over NATS    skein.publish
  SDK, typed       skein.run(id).taskStart(…): the same with the body checked by its schema and the time put in
  SDK over HTTP    skein.publish through a gateway on the same nats-server
`;

const rounds = 5;
const runs = 64;
const secondsOfEach = 1.5;
const waits = [1, 64, 1000] as const;

/** One way to publish a numbered event. */
interface Way {
  readonly name: string;
  publish(i: number): Promise<unknown>;
  close(): Promise<unknown>;
}

interface Figures {
  readonly perSecond: number;
  readonly cpuUs: number;
  readonly serversUs: number;
}

let number = 0;
const filler = "x".repeat(64);
const body = (i: number) => ({
  type: "task_start",
  task_id: `t${i}`,
  timestamp: "2026-02-20T01:23:45.000Z",
  name: filler,
});

if (process.argv.includes("--help")) console.log(help);
else if (process.send) await serve();
else await main();

async function main(): Promise<void> {
  const children = new Children();
  const folder = mkdtempSync(join(tmpdir(), "skein-bench-"));
  process.on("exit", () => {
    children.kill();
    rmSync(folder, { recursive: true, force: true });
  });
  const bus = await startBus(children, join(folder, "nats"));
  const { url, program } = await startGateway(children, bus);
  const found = new Map<string, Figures[]>();
  const names = ["nats", "SDK over NATS", "SDK, typed", "SDK over HTTP"];
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      for (const waiting of waits) {
        const figures = await measure(children, [name, bus.url, url, String(waiting)], [bus.program, program]);
        const key = `${name} ${waiting}`;
        found.set(key, [...(found.get(key) ?? []), figures]);
      }
    }
  }
  const rows = waits.flatMap((waiting) => names.map((name) => rowOf(name, waiting, found)));
  const columns = ["waiting", "way", "publishes/s", "÷ nats", "CPU µs", "÷ nats", "servers µs"];
  console.log(process.argv.includes("--json") ? JSON.stringify(rows, null, 2) : table(columns, rows));
  await children.stop();
}

function rowOf(name: string, waiting: number, found: ReadonlyMap<string, readonly Figures[]>): string[] {
  const of = (figure: keyof Figures, way: string) =>
    median((found.get(`${way} ${waiting}`) ?? []).map((one) => one[figure]));
  const ratio = (figure: keyof Figures) => (of(figure, name) / of(figure, "nats")).toFixed(2);
  return [
    String(waiting),
    name,
    of("perSecond", name).toFixed(0),
    ratio("perSecond"),
    of("cpuUs", name).toFixed(1),
    ratio("cpuUs"),
    of("serversUs", name).toFixed(1),
  ];
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

/** A publisher is a process of its own, so that its CPU is its alone. */
async function measure(children: Children, args: readonly string[], servers: readonly Program[]): Promise<Figures> {
  const child = children.fork(new URL(import.meta.url));
  const said = () =>
    new Promise<Record<string, number>>((resolve) => child.once("message", (told) => resolve(Object(told))));
  child.send(args);
  await said();
  const before = servers.map(({ pid }) => cpuUs(pid));
  child.send("go");
  const { count = 0, cpu = 0, seconds = 0 } = await said();
  const used = servers.reduce((sum, { pid }, i) => sum + cpuUs(pid) - (before[i] ?? 0), 0);
  child.send("end");
  await new Promise((resolve) => child.once("exit", resolve));
  return { perSecond: count / seconds, cpuUs: cpu / count, serversUs: used / count };
}

async function startGateway(children: Children, bus: Bus): Promise<{ url: string; program: Program }> {
  const port = await freePort();
  const main = new URL("../src/cli/main.ts", import.meta.url).pathname;
  const args = ["start", "--nats", bus.url, "--data", ":memory:", "--port", String(port), ...noLimits];
  const program = children.spawn(process.execPath, [main, ...args]);
  await whenReady(program, () => accepts(port));
  return { url: `http://127.0.0.1:${port}`, program };
}

/** The publisher's process: warms up, says so, publishes when told, and says what it took. */
async function serve(): Promise<void> {
  const [name = "", nats = "", http = "", waiting = "1"] = await new Promise<string[]>((resolve) =>
    process.once("message", (args: string[]) => resolve(args)),
  );
  const way = await wayOf(name, { nats, http });
  await load(way, Number(waiting), 0.7);
  const told = new Promise((resolve) => process.once("message", resolve));
  process.send?.({});
  await told;
  const ended = new Promise((resolve) => process.once("message", resolve));
  const [began, before] = [performance.now(), process.cpuUsage()];
  const count = await load(way, Number(waiting), secondsOfEach);
  const { user, system } = process.cpuUsage(before);
  process.send?.({ count, cpu: user + system, seconds: (performance.now() - began) / 1000 });
  await ended;
  await way.close();
  process.disconnect();
}

/** Keeps so many publishes waiting for a while. */
async function load({ publish }: Way, waiting: number, seconds: number): Promise<number> {
  const until = performance.now() + seconds * 1000;
  let count = 0;
  const work = async () => {
    while (performance.now() < until) {
      await publish(number++);
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: waiting }, work));
  return count;
}

async function wayOf(name: string, { nats, http }: { nats: string; http: string }): Promise<Way> {
  if (name === "nats") return bareNats(nats);
  const skein = await connect(name === "SDK over HTTP" ? { http } : { nats });
  const close = () => skein.close();
  if (name !== "SDK, typed") return { name, publish: (i) => skein.publish(`runs.b${i % runs}`, body(i)), close };
  return { name, publish: (i) => skein.run(`b${i % runs}`).taskStart(`t${i}`, { name: filler }), close };
}

async function bareNats(url: string): Promise<Way> {
  const connection = await connectNats({ servers: url });
  const stream = connection.jetstream();
  const utf8 = new TextEncoder();
  const publish = (i: number) =>
    stream.publish(`skein.default.runs.b${i % runs}`, utf8.encode(JSON.stringify(body(i))), {
      msgID: crypto.randomUUID(),
    });
  return { name: "nats", publish, close: () => connection.close() };
}
