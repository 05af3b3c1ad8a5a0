// npm run bench memory [-- --source OTHER_CHECKOUT --json]: how the memory of a gateway moves under its hardest cases.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { connect as connectNats } from "nats";
import WebSocket from "ws";
import { startNatsServer } from "../test/support/nats-server.ts";
import { sleep } from "./clock.ts";
import { rssBytes } from "./measure.ts";
import { table } from "./report.ts";

const help = `How the memory of a gateway moves under its hardest cases, on this machine.

  npm run bench memory [-- options]

  --source DIR   the checkout whose gateway is measured, to compare two versions; it must have its dependencies. Default: this one
  --events N     how many events the run has that one client follows. Default: 300000
  --seconds N    how long the other cases last. Default: 10
  --json         figures as JSON, with the resident memory at every half second
  --help         this text

  followed run   one client follows a run while its events are published on NATS; then it is polled from its beginning
  long names     one client subscribes to streams that do not exist, by names of 60,000 characters, and reads slowly
  large polls    30 requests at a time for a table of 2,000 rows
  unread mail    100 messages of 1 MB wait for an agent that does not come, and the gateway is started again
  deep body      a body of 10,000 nested arrays for a table

  before, peak, after   resident memory in MB; after: five seconds after the load
  slowest               the longest answer of /healthz meanwhile, in milliseconds
`;

const here = fileURLToPath(new URL("..", import.meta.url));
const healthEveryMs = 50;
const restMs = 5000;
const mb = 1024 * 1024;

const { values } = parseArgs({
  options: {
    source: { type: "string", default: here },
    events: { type: "string", default: "300000" },
    seconds: { type: "string", default: "10" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
const forMs = Number(values.seconds) * 1000;

/** A gateway of the checkout under test, on a NATS server of its own. */
interface Subject extends AsyncDisposable {
  readonly url: string;
  readonly nats: string;
  readonly pid: number;
  /** Ends the gateway and starts it again; settles when it is ready. */
  restart(): Promise<void>;
}

interface Case {
  readonly name: string;
  /** Does what costs memory, and says in a few words what came of it. */
  run(subject: Subject): Promise<string>;
}

async function startSubject(): Promise<Subject> {
  const server = await startNatsServer();
  const flags = ["start", "--port", "0", "--data", ":memory:", "--nats", server.url];
  const quotas = ["reads", "publishes", "publish-bytes"].map((name) => `--limit-${name}=principal=0,address=0,org=0`);
  let gateway = await startGateway([...flags, ...quotas]);
  return {
    nats: server.url,
    get url() {
      return gateway.url;
    },
    get pid() {
      return gateway.pid;
    },
    async restart() {
      gateway.kill();
      gateway = await startGateway([...flags, ...quotas]);
    },
    async [Symbol.asyncDispose]() {
      gateway.kill();
      await server.stop();
    },
  };
}

async function startGateway(args: readonly string[]) {
  const source = resolve(values.source);
  const child = spawn(process.execPath, [join(source, "src/cli/main.ts"), ...args], { cwd: source });
  let [output, ended] = ["", false];
  for (const pipe of [child.stdout, child.stderr]) pipe.setEncoding("utf8").on("data", (text) => (output += text));
  child.on("exit", () => {
    ended = true;
  });
  const address = () => /is at (http:\S+),/.exec(output)?.[1];
  while (address() === undefined) {
    if (ended) throw new Error(`The gateway has ended:\n${output}`);
    await sleep(20);
  }
  const url = address() ?? "";
  while ((await fetch(`${url}/readyz`)).status !== 200) await sleep(20);
  return { url, pid: child.pid ?? 0, kill: () => child.kill("SIGKILL") };
}

const cases: readonly Case[] = [
  { name: "followed run", run: followRun },
  { name: "long names", run: subscribeToLongNames },
  { name: "large polls", run: pollLargeTable },
  { name: "unread mail", run: leaveMailUnread },
  { name: "deep body", run: publishDeepBody },
];

async function followRun({ url, nats }: Subject): Promise<string> {
  const count = Number(values.events);
  const client = new WebSocket(`${url.replace("http", "ws")}/ws/runs/long`);
  let seen = 0;
  client.on("message", () => {
    seen += 1;
  });
  await once(client, "open");
  const bus = await connectNats({ servers: nats });
  const body = new TextEncoder().encode(JSON.stringify({ type: "task_start", task_id: "t", name: "x".repeat(100) }));
  const began = performance.now();
  for (let i = 0; i < count; i++) {
    bus.publish("skein.default.runs.long", body);
    if (i % 500 === 499) await bus.flush();
  }
  while (seen < count) await sleep(50);
  const tookS = (performance.now() - began) / 1000;
  await bus.close();
  client.terminate();
  const polled = performance.now();
  const { status, bytes } = await poll(`${url}/poll/runs/long`);
  const pollMs = Math.round(performance.now() - polled);
  return `${Math.round(count / tookS)} events/s; a poll: ${status}, ${(bytes / mb).toFixed(1)} MB, ${pollMs} ms`;
}

async function poll(url: string): Promise<{ status: number; bytes: number }> {
  const response = await fetch(url);
  return { status: response.status, bytes: (await response.arrayBuffer()).byteLength };
}

async function subscribeToLongNames({ url }: Subject): Promise<string> {
  const client = new WebSocket(`${url.replace("http", "ws")}/ws`);
  const closed = once(client, "close").then(([code]) => `closed with ${code}`);
  client.on("error", () => {});
  await once(client, "open");
  client.pause();
  const end = performance.now() + forMs;
  let sent = 0;
  while (performance.now() < end && client.readyState === WebSocket.OPEN) {
    for (let i = 0; i < 9; i++) client.send(JSON.stringify({ type: "subscribe", stream: "x".repeat(60_000) + sent++ }));
    await sleep(100);
  }
  const state = client.readyState === WebSocket.OPEN ? "still open" : await closed;
  client.terminate();
  return `${sent} names sent, ${state}`;
}

async function pollLargeTable({ url, nats }: Subject): Promise<string> {
  const bus = await connectNats({ servers: nats });
  for (let i = 0; i < 2000; i++) {
    bus.publish(`skein.default.instances.i${i}`, JSON.stringify({ status: "running", note: "x".repeat(300) }));
  }
  await bus.flush();
  await bus.close();
  await sleep(500);
  const end = performance.now() + forMs;
  let answers = 0;
  const ask = async () => {
    while (performance.now() < end) {
      await poll(`${url}/poll/instances`);
      answers += 1;
    }
  };
  await Promise.all(Array.from({ length: 30 }, ask));
  return `${Math.round((answers / forMs) * 1000)} answers/s`;
}

async function leaveMailUnread(subject: Subject): Promise<string> {
  const payload = "x".repeat(1_000_000);
  let sent = 0;
  for (let i = 0; i < 100; i++) {
    const body = JSON.stringify({ from: "a", to: "b", message_type: "t", payload });
    const { ok } = await fetch(`${subject.url}/api/messages`, { method: "POST", body });
    sent += ok ? 1 : 0;
  }
  const began = performance.now();
  await Promise.race([subject.restart(), sleep(30_000)]);
  return `${sent} sent; ready again after ${((performance.now() - began) / 1000).toFixed(1)} s`;
}

async function publishDeepBody({ url }: Subject): Promise<string> {
  const deep = `${"[".repeat(10_000)}${"]".repeat(10_000)}`;
  const body = `{"status":"running","deep":${deep}}`;
  const { status } = await fetch(`${url}/api/publish/instances/x`, { method: "POST", body });
  await sleep(2000);
  const after = await fetch(`${url}/poll/instances`).then(
    (response) => `${response.status}`,
    () => "nobody answers",
  );
  return `published: ${status}, polled: ${after}`;
}

/** Runs a case while looking at the gateway's memory and asking for its health. */
async function measure({ name, run }: Case) {
  await using subject = await startSubject();
  await sleep(1000);
  const curve = [rssBytes(subject.pid)];
  let isOver = false;
  let slowestMs = 0;
  const watch = (async () => {
    while (!isOver) {
      curve.push(rssBytes(subject.pid));
      await sleep(500);
    }
  })();
  const probe = (async () => {
    while (!isOver) {
      const began = performance.now();
      await fetch(`${subject.url}/healthz`).catch(() => {});
      slowestMs = Math.max(slowestMs, performance.now() - began);
      await sleep(healthEveryMs);
    }
  })();
  const said = await run(subject).catch((thrown: unknown) => `failed: ${thrown}`);
  await sleep(restMs);
  isOver = true;
  await Promise.all([watch, probe]);
  const inMb = curve.map((bytes) => Math.round(bytes / mb));
  return { name, before: inMb[0] ?? 0, peak: Math.max(...inMb), after: inMb.at(-1) ?? 0, slowestMs, said, curve: inMb };
}

if (values.help) {
  console.log(help);
} else {
  const rows: Awaited<ReturnType<typeof measure>>[] = [];
  for (const one of cases) rows.push(await measure(one));
  const textOf = ({ name, before, peak, after, slowestMs, said }: Awaited<ReturnType<typeof measure>>) => [
    ...[name, String(before), String(peak), String(after)],
    ...[slowestMs.toFixed(0), said],
  ];
  const columns = ["case", "before", "peak", "after", "slowest", ""];
  console.log(values.json ? JSON.stringify(rows, null, 2) : table(columns, rows.map(textOf)));
}
