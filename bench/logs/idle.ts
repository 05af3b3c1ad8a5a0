import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, type NatsConnection } from "nats";
import { numberedLine } from "../../test/support/numbered-line.ts";
import { startBus } from "../bus.ts";
import type { Children, Program } from "../children.ts";
import { sleep } from "../clock.ts";
import { cpuUs, rssBytes } from "../measure.ts";
import { whenReady } from "../port.ts";
import { main } from "./gateway.ts";
import { rivals } from "./rivals.ts";
import { column, type Row, type Section, type Stage } from "./section.ts";

/** Whoever follows says so again every ten seconds, as a gateway does. */
const renewEveryMs = 10_000;
const settleMs = 3_000;
/** How many requests wait for their answer at once. */
const atOnce = 200;

/** What logs cost in which nothing happens. */
export const idle: Section = {
  name: "idle",
  about: "many logs are followed by one process, and nothing is written",
  columns: [
    column("CPU %", "cpuPercent", 2),
    column("KB/log", "kbPerLog", 2),
    column("RSS MB", "rssMb"),
    column("to begin s", "beginS", 1),
  ],
  run: async (stage) => {
    const { options, say } = stage;
    const names = Array.from({ length: options.files }, (_, at) => `a${at}`);
    const logs = join(stage.directory, "logs");
    mkdirSync(logs);
    for (const name of names) writeFileSync(join(logs, `${name}.log`), numberedLine(1, options.bytes));
    const rows: Row[] = [];
    say(`idle: skein logs-agent, ${names.length} logs`);
    rows.push(...(await agent(stage, names)));
    const paths = names.map((name) => join(logs, `${name}.log`));
    for (const name of ["tail -F", "npm tail"] as const) {
      say(`idle: ${name}, ${names.length} logs`);
      rows.push(await program(stage, name, rivals[name](...paths)));
    }
    return rows;
  },
};

/** The agent as it is without a log, then as gateways have it: with wishes that are renewed. */
async function agent({ children, directory, options }: Stage, names: readonly string[]): Promise<Row[]> {
  const bus = await startBus(children, directory);
  const agent = startAgent(children, join(directory, "logs", "{name}.log"), bus.url);
  const connection = await connect({ servers: bus.url });
  try {
    await whenReady(agent, () => follow(connection, names[0] ?? "").then(...answered));
    const before = rssBytes(agent.pid);
    const begun = performance.now();
    await followAll(connection, names);
    const beginS = (performance.now() - begun) / 1000;
    await sleep(settleMs);
    const kbPerLog = (rssBytes(agent.pid) - before) / names.length / 1024;
    const settled = { rssMb: rssBytes(agent.pid) / 1024 / 1024, kbPerLog, beginS };
    const quiet = await percent(agent.pid, options.seconds * 1000);
    const [renewed] = await Promise.all([percent(agent.pid, renewEveryMs), followAll(connection, names)]);
    const who = "skein logs-agent";
    return [
      { who, wishes: "nobody asks", cpuPercent: quiet, ...settled },
      { who, wishes: "each wish renewed every 10 s", cpuPercent: renewed },
    ];
  } finally {
    await connection.close();
    await children.stop();
  }
}

async function program({ children, options }: Stage, who: string, [command = "", ...args]: readonly string[]) {
  // Its first lines would fill a pipe that nobody reads.
  const quietly = ["-c", 'exec "$@" >/dev/null 2>&1', "sh", command, ...args];
  const running = children.spawn("/bin/sh", quietly);
  await settled(running.pid);
  const rss = rssBytes(running.pid);
  const cpuPercent = await percent(running.pid, options.seconds * 1000);
  const failure = running.ended;
  await children.stop();
  if (failure) return { who, wishes: `it ended: ${failure.slice(0, 60)}` };
  return { who, wishes: "", cpuPercent, rssMb: rss / 1024 / 1024, kbPerLog: rss / options.files / 1024 };
}

function startAgent(children: Children, pattern: string, url: string): Program {
  return children.spawn(process.execPath, [main, "logs-agent", "--org", "default", "--logs", pattern, "--nats", url]);
}

const answered = [() => true, () => false] as const;

/** Asks an agent to follow a log, as a gateway does. */
async function follow(connection: NatsConnection, name: string): Promise<void> {
  const wish = JSON.stringify({ op: "follow", by: "bench" });
  const answer = await connection.request(`skein.default.log_requests.${name}`, wish, { timeout: 10_000 });
  const place = answer.json<{ generation?: string }>();
  if (place.generation === undefined) throw new Error(`The agent does not follow ${name}: ${answer.string()}`);
}

async function followAll(connection: NatsConnection, names: readonly string[]): Promise<void> {
  for (let at = 0; at < names.length; at += atOnce) {
    await Promise.all(names.slice(at, at + atOnce).map((name) => follow(connection, name)));
  }
}

/** The share of one core that a process uses in a while. */
async function percent(pid: number, ms: number): Promise<number> {
  const [before, begun] = [cpuUs(pid), performance.now()];
  await sleep(ms);
  return (cpuUs(pid) - before) / (performance.now() - begun) / 10;
}

/** Resolves when a process has used next to nothing for a while. */
async function settled(pid: number): Promise<void> {
  for (let before = Number.NEGATIVE_INFINITY, now = cpuUs(pid); now - before > settleMs * 20; ) {
    await sleep(settleMs);
    [before, now] = [now, cpuUs(pid)];
  }
}
