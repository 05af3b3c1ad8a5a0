// npm run bench control [-- --json]: the control plane of one gateway, measured from outside.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startBus } from "./bus.ts";
import { Children, type Program } from "./children.ts";
import { noLimits } from "./limits.ts";
import { accepts, freePort, whenReady } from "./port.ts";
import { table } from "./report.ts";

const help = `The control plane of one gateway, on this machine.

  npm run bench control [-- options]

  --json   figures as JSON
  --help   this text

  start      from POST …/start to the frame that says "running", at a WebSocket client; a template without a probe, 50 times
  snapshot   the first frame of the stream "instances" with 1,000 instances: its size, and how long it takes to come, 20 times
  messages   2,000 messages of 200 bytes, 16 at a time: sent over HTTP, taken from the inbox over HTTP, acknowledged
`;

type Row = readonly [what: string, bus: string, ...figures: string[]];

const children = new Children();
const folder = mkdtempSync(join(tmpdir(), "skein-bench-"));
process.on("exit", () => {
  children.kill();
  rmSync(folder, { recursive: true, force: true });
});

if (process.argv.includes("--help")) {
  console.log(help);
} else {
  const rows: Row[] = [];
  const nats = await startBus(children, join(folder, "nats"));
  for (const [name, flags] of [
    ["embedded", []],
    ["NATS", ["--nats", nats.url]],
  ] as const) {
    const url = await startGateway(name, flags);
    rows.push(["start → running", name, ...(await measureStarts(url))]);
    rows.push(["first frame, 1,000 instances", name, ...(await measureSnapshots(url))]);
    rows.push(["messages", name, ...(await measureMessages(url))]);
  }
  const json = process.argv.includes("--json");
  console.log(json ? JSON.stringify(rows, null, 2) : table(["what", "bus", "p50", "p99", "and"], rows));
  await children.stop();
}

async function startGateway(name: string, flags: readonly string[]): Promise<string> {
  const config = join(folder, `${name}.json`);
  const asleep = { command: "sh", args: ["-c", "exec sleep 1000"], restart: { policy: "never" } };
  writeFileSync(config, JSON.stringify({ templates: { asleep } }));
  const port = await freePort();
  const main = new URL("../src/cli/main.ts", import.meta.url).pathname;
  const args = [
    "start",
    "--config",
    config,
    "--data",
    join(folder, name),
    "--port",
    String(port),
    ...noLimits,
    ...flags,
  ];
  const program: Program = children.spawn(process.execPath, [main, ...args]);
  await whenReady(program, () => accepts(port));
  return `http://127.0.0.1:${port}`;
}

async function measureStarts(url: string): Promise<string[]> {
  const socket = await openStream(url);
  const times: number[] = [];
  for (let i = 0; i < 50; i++) {
    const name = `bench-${i}`;
    await post(`${url}/api/instances`, { name, template: "asleep" });
    const running = socket.until((frame) => frame.name === name && frame.status === "running");
    const began = performance.now();
    await post(`${url}/api/instances/${name}/start`, {});
    await running;
    times.push(performance.now() - began);
    const stopped = socket.until((frame) => frame.name === name && frame.status === "stopped");
    await post(`${url}/api/instances/${name}/stop`, {});
    await stopped;
  }
  socket.close();
  return [...percentiles(times), "ms"];
}

async function measureSnapshots(url: string): Promise<string[]> {
  for (let i = 0; i < 950; i++) {
    const body = { status: "running", port: 10_000 + i, pid: 5000 + i };
    await post(`${url}/api/publish/instances/other-${i}`, body);
  }
  const times: number[] = [];
  let bytes = 0;
  for (let i = 0; i < 20; i++) {
    const began = performance.now();
    const socket = await openStream(url);
    times.push(performance.now() - began);
    bytes = socket.firstBytes;
    socket.close();
  }
  return [...percentiles(times), `ms, ${Math.round(bytes / 1024)} KB`];
}

async function measureMessages(url: string): Promise<string[]> {
  const count = 2000;
  const sentAt = new Map<string, number>();
  const times: number[] = [];
  const began = performance.now();
  const send = async (from: number) => {
    for (let i = from; i < count; i += 16) {
      const id = String(i);
      sentAt.set(id, performance.now());
      const payload = { id, text: "x".repeat(200) };
      await post(`${url}/api/messages`, { from: "bench-a", to: "bench-b", message_type: "bench", payload });
    }
  };
  const take = async () => {
    while (times.length < count) {
      const response = await fetch(`${url}/api/inbox/bench-b?wait=1&limit=100`);
      const { messages } = (await response.json()) as { messages: { message_id: string; payload: { id: string } }[] };
      await Promise.all(
        messages.map(async ({ message_id, payload }) => {
          await post(`${url}/api/messages/${message_id}/ack`, { agent: "bench-b" });
          times.push(performance.now() - (sentAt.get(payload.id) ?? 0));
        }),
      );
    }
  };
  await Promise.all([...Array.from({ length: 16 }, (_, i) => send(i)), take()]);
  const perSecond = Math.round((1000 * count) / (performance.now() - began));
  return [...percentiles(times), `ms to the ack, ${perSecond}/s`];
}

interface Stream {
  readonly firstBytes: number;
  until(isIt: (frame: Record<string, unknown>) => boolean): Promise<void>;
  close(): void;
}

/** Follows the instances; settles with the first frame. */
function openStream(url: string): Promise<Stream> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/ws/instances`);
  const waiting = new Set<(frame: Record<string, unknown>) => void>();
  return new Promise((resolve, reject) => {
    let firstBytes = 0;
    socket.onerror = () => reject(new Error("The stream of instances cannot be followed"));
    socket.onmessage = ({ data }) => {
      const text = String(data);
      if (firstBytes === 0) {
        firstBytes = text.length;
        return resolve({ firstBytes, until, close: () => socket.close() });
      }
      const frame = JSON.parse(text);
      for (const see of waiting) see(frame);
    };
  });

  function until(isIt: (frame: Record<string, unknown>) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const see = (frame: Record<string, unknown>) => {
        if (!isIt(frame)) return;
        waiting.delete(see);
        resolve();
      };
      waiting.add(see);
    });
  }
}

async function post(address: string, body: unknown): Promise<void> {
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(address, { method: "POST", body: JSON.stringify(body), headers });
  if (!response.ok) throw new Error(`${address}: ${response.status} ${await response.text()}`);
  await response.arrayBuffer();
}

function percentiles(times: readonly number[]): [string, string] {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => (sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN).toFixed(1);
  return [at(0.5), at(0.99)];
}
