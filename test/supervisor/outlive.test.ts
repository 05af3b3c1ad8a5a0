import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openNatsBus } from "../../src/bus/nats.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { lockDirectory } from "../../src/supervisor/lock.ts";
import { isAlive, ourselves, startedAt } from "../../src/supervisor/proc.ts";
import { buses, isUp } from "../support/buses.ts";
import { type NatsServer, startNatsServer } from "../support/nats-server.ts";
import { node, org, Station, script, sleeper } from "./station.ts";

const program = fileURLToPath(new URL("node.process.ts", import.meta.url));

/** Numbered lines, many at a time, until a file appears. */
const writer = `
  const { existsSync, writeSync } = require("node:fs");
  let n = 0;
  const line = () => "line " + n++ + " " + "x".repeat(60) + "\\n";
  const write = () => {
    const bytes = Buffer.from(Array.from({ length: 200 }, line).join(""));
    for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at);
    if (existsSync(process.argv[1])) process.exit(17);
    setTimeout(write, 2);
  };
  write();
`;

describe("a supervisor that is killed with kill -9", () => {
  let server: NatsServer;
  let station: Station;
  const killed: ChildProcess[] = [];

  beforeEach(async () => {
    server = await startNatsServer();
    station = await Station.open(async () => {
      const bus = await openNatsBus({ url: server.url, clock: systemClock });
      await isUp(bus);
      return { bus, [Symbol.asyncDispose]: () => bus.close() };
    });
  });

  afterEach(async () => {
    for (const child of killed.splice(0)) child.kill("SIGKILL");
    await station[Symbol.asyncDispose]();
    await server.stop();
  });

  async function superviseApart(templates: object): Promise<ChildProcess> {
    const args = [program, server.url, org, node, join(station.directory, "supervisor"), JSON.stringify(templates)];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    killed.push(child);
    await once(child.stdout, "data");
    return child;
  }

  async function kill(child: ChildProcess): Promise<void> {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  test("leaves its instances running, and the next one goes on with them, with every line of their logs", async () => {
    const enough = join(station.directory, "enough");
    const log = { bytes: 200_000, files: 1000 };
    const templates = {
      busy: { command: process.execPath, args: ["-e", writer, enough], log, restart: { policy: "never" } },
    };
    const first = await superviseApart(templates);
    await station.run("a", "busy");
    const before = await station.untilStatus("a", "running");
    await kill(first);
    await station.logged("a", "line 20000 ");
    await station.supervise(templates);
    expect(await station.untilStatus("a", "running")).toEqual(before);
    expect(startedAt(before.pid ?? 0)).toBeDefined();
    const lines = (await station.logged("a", "line 20000 ")).split("\n").length;
    await station.logged("a", `line ${lines + 10_000} `);
    writeFileSync(enough, "");
    expect(await station.untilStatus("a", "failed")).toMatchObject({ exit_code: 17, pid: null });
    const written = (await station.log("a")).split("\n");
    expect(written.pop()).toBe("");
    expect(written.length).toBeGreaterThan(20_000);
    expect(written.findIndex((line, i) => line !== `line ${i} ${"x".repeat(60)}`)).toBe(-1);
    expect(readdirSync(join(station.directory, "logs")).length).toBeGreaterThan(5);
  });

  test("misses no end: the next one knows the exit code and acts on it", async () => {
    const end = join(station.directory, "end");
    const wait = `while [ ! -e ${end} ]; do sleep 0.02; done;`;
    const templates = {
      well: script(`${wait} exit 0`),
      badly: script(`${wait} exit 23`, { restart: { policy: "never" } }),
      again: script(`[ -e ${end} ] && exec sleep 1000; ${wait} exit 1`, { restart: { backoff: { fromMs: 10 } } }),
    };
    const first = await superviseApart(templates);
    await Promise.all(["well", "badly", "again"].map((name) => station.run(name, name)));
    const pids = await Promise.all(
      ["well", "badly", "again"].map(async (name) => (await station.untilStatus(name, "running")).pid),
    );
    await kill(first);
    writeFileSync(end, "");
    while (pids.some((pid) => startedAt(pid ?? 0) !== undefined))
      await new Promise((resolve) => setTimeout(resolve, 10));
    await station.supervise(templates);
    expect(await station.untilStatus("well", "stopped")).toMatchObject({ exit_code: 0 });
    expect(await station.untilStatus("badly", "failed")).toMatchObject({ exit_code: 23 });
    expect(
      await station.until("again", ({ status, restarts }) => status === "running" && restarts === 1),
    ).toMatchObject({
      exit_code: 1,
    });
  });

  test("leaves instances that the next one can stop, and whose end it notices", async () => {
    const first = await superviseApart({ sleeper });
    await Promise.all(["a", "b"].map((name) => station.run(name, "sleeper")));
    const [a, b] = await Promise.all(["a", "b"].map((name) => station.untilStatus(name, "running")));
    await kill(first);
    await station.supervise({ sleeper });
    await station.command("stop", "a");
    await station.untilStatus("a", "stopped");
    expect(startedAt(a?.pid ?? 0)).toBeUndefined();
    process.kill(b?.pid ?? 0, "SIGKILL");
    const killedMs = performance.now();
    await station.until("b", ({ restarts }) => restarts === 1);
    expect(performance.now() - killedMs).toBeLessThan(1000);
  });

  test("leaves instances that the next one shows again when their rows were deleted meanwhile", async () => {
    const first = await superviseApart({ sleeper });
    await station.run("a", "sleeper");
    const running = await station.untilStatus("a", "running");
    await kill(first);
    await (await station.table).put(station.subject("a"), new Uint8Array(0));
    await station.untilDeleted("a");
    await station.supervise({ sleeper });
    expect(await station.untilStatus("a", "running")).toEqual(running);
    await station.command("stop", "a");
    await station.untilStatus("a", "stopped");
    expect(startedAt(running.pid ?? 0)).toBeUndefined();
  });
});

describe("a node", () => {
  const [[, openBus]] = buses as [(typeof buses)[0]];

  test("has one supervisor for a directory, and one for a name", async () => {
    await using station = await Station.open(openBus);
    const first = await station.supervise();
    await expect(station.supervise()).rejects.toThrow(/is in use by the supervisor of process \d+/);
    await first.close();
    const second = await station.supervise();
    await using stranger = await Station.open(async () => ({
      bus: station.bus,
      [Symbol.asyncDispose]: async () => {},
    }));
    await expect(stranger.supervise()).rejects.toThrow('Another supervisor answers for node "n1"');
    await second.close();
  });

  test("with 60 instances that crash all the time keeps no descriptor and no zombie, and starts them ever less often", async () => {
    await using station = await Station.open(openBus);
    const restart = { backoff: { fromMs: 2500, toMs: 60_000 }, giveUpAfter: 100 };
    const supervisor = await station.supervise({ crash: script("exit 1", { restart }) });
    const names = Array.from({ length: 60 }, (_, i) => `crash-${i}`);
    const held = descriptors();
    await Promise.all(names.map((name) => station.run(name, "crash")));
    await Promise.all(names.map((name) => station.until(name, ({ restarts, pid }) => restarts >= 1 && pid === null)));
    expect(Math.max(...names.map((name) => station.history(name).at(-1)?.restarts ?? 0))).toBeLessThanOrEqual(2);
    await supervisor.close();
    expect(zombies()).toEqual([]);
    expect(descriptors() - held).toBeLessThan(10);
  });
});

describe("a directory", () => {
  test("is free again when the process that locked it is gone, whoever has its pid now", () => {
    const directory = mkdtempSync(join(tmpdir(), "skein-lock-"));
    const before = { ...ourselves(), started: 1 };
    expect(isAlive(before)).toBe(false);
    writeFileSync(join(directory, "lock"), JSON.stringify(before));
    const unlock = lockDirectory(directory);
    expect(() => lockDirectory(directory)).toThrow(`is in use by the supervisor of process ${process.pid}`);
    unlock();
    expect(readdirSync(directory)).toEqual([]);
    rmSync(directory, { recursive: true });
  });
});

function descriptors(): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return /pipe|skein/.test(readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      return false;
    }
  }).length;
}

/** Our children that nobody collected. */
function zombies(): string[] {
  return readdirSync("/proc").filter((pid) => /^\d+$/.test(pid) && isZombieOfOurs(pid));
}

function isZombieOfOurs(pid: string): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return state === "Z" && Number(parent) === process.pid;
  } catch {
    return false;
  }
}
