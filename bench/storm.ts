// npm run bench storm [-- --clients 500 --down 3 --json]: a gateway is killed and comes back, and so do all its clients.
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Bus, natsPublisher, startBus } from "./bus.ts";
import { Children, type Program } from "./children.ts";
import { sleep } from "./clock.ts";
import { noLimits } from "./limits.ts";
import { accepts, freePort, whenReady } from "./port.ts";
import { table } from "./report.ts";
import type { StormAnswer, StormCall, StormReport } from "./storm-load.ts";

const help = `What happens when a server with many clients is killed and started again, on this machine.

  npm run bench storm [-- options]

  --clients 500   clients, all in one other process
  --down 3        seconds between the end of the server and its next start
  --rate 20       frames per second, published on NATS all the time, also while the server is gone
  --json          figures as JSON
  --help          this text

  Skein with its client, and Socket.IO with socket.io-client, each as they are without any setting but WebSocket alone for the latter.

  back p50, p95, max   from the moment when the server takes connections again to a client's first frame, in milliseconds
  back                 how many clients have come back
  lost                 frames that were published and that a client never got, over all clients
  dup                  frames that a client got twice
`;

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "500" },
    down: { type: "string", default: "3" },
    rate: { type: "string", default: "20" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const servers = ["skein", "socketio"] as const;
type Server = (typeof servers)[number];

/** On what subject each hears of frames, and with what body. */
const subjects: Readonly<Record<Server, string>> = { skein: "skein.default.runs.storm", socketio: "storm.frames" };

const children = new Children();
const folder = mkdtempSync(join(tmpdir(), "skein-bench-"));
process.on("exit", () => {
  children.kill();
  rmSync(folder, { recursive: true, force: true });
});

if (values.help) {
  console.log(help);
} else {
  const bus = await startBus(children, join(folder, "nats"));
  const rows = [];
  for (const server of servers) rows.push(await measure(server, bus));
  await children.stop();
  const columns = ["server", "clients", "back", "p50 ms", "p95 ms", "max ms", "lost", "dup"];
  console.log(values.json ? JSON.stringify(rows, null, 2) : table(columns, rows.map(Object.values)));
}

/** One storm: everybody follows, the server is killed, comes back after a while, and what everybody got is counted. */
async function measure(server: Server, bus: Bus) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const first = await start(server, port, bus);
  const frames = await publishing(server, bus);
  const load = children.fork(new URL("./storm-load.ts", import.meta.url));
  await ask(load, { kind: "open", server, url, clients: Number(values.clients) });
  process.kill(first.pid, "SIGKILL");
  while (!first.ended) await sleep(5);
  await ask(load, { kind: "gone" });
  await sleep(Number(values.down) * 1000);
  const second = await start(server, port, bus);
  const upAtMs = Date.now();
  await ask(load, { kind: "back" });
  const last = await frames.stop();
  const answer = await ask(load, { kind: "report", last });
  load.disconnect();
  process.kill(second.pid, "SIGKILL");
  if (answer.kind !== "report") throw new Error(`The clients answered ${answer.kind}`);
  return figures(server, upAtMs, answer.report);
}

function figures(server: Server, upAtMs: number, { backAtMs, lost, duplicates }: StormReport) {
  const waits = backAtMs.map((at) => at - upAtMs).toSorted((a, b) => a - b);
  const at = (share: number) => String(waits[Math.min(waits.length - 1, Math.floor(waits.length * share))] ?? "–");
  const [back, p50, p95, max] = [String(waits.length), at(0.5), at(0.95), at(1)];
  return { server, clients: values.clients, back, p50, p95, max, lost: String(lost), dup: String(duplicates) };
}

async function start(server: Server, port: number, { url }: Bus): Promise<Program> {
  const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  const args = {
    skein: [file("../src/cli/main.ts"), "start", "--port", String(port), ...noLimits, "--nats", url],
    socketio: [file("./rivals/socketio.server.ts"), String(port), url, subjects.socketio],
  };
  const program = children.spawn(process.execPath, args[server]);
  await whenReady(program, () => accepts(port));
  return program;
}

/** Numbered frames at a steady rate, until it is stopped; gives the last number then. */
async function publishing(server: Server, { url }: Bus) {
  const publisher = await natsPublisher(url, subjects[server]);
  let n = 0;
  const timer = setInterval(() => publisher.send(`{"type":"task_end","n":${++n}}`), 1000 / Number(values.rate));
  const stop = async () => {
    clearInterval(timer);
    await publisher.drained();
    await publisher.close();
    return n;
  };
  return { stop };
}

async function ask(load: ChildProcess, call: StormCall): Promise<StormAnswer> {
  load.send(call);
  const [answer] = (await once(load, "message")) as [StormAnswer];
  return answer;
}
