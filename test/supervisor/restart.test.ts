import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Backoff } from "../../src/supervisor/backoff.ts";
import { membersOf, startedAt } from "../../src/supervisor/proc.ts";
import { buses } from "../support/buses.ts";
import { Station, script, sleeper } from "./station.ts";

const quick = { fromMs: 10, toMs: 40 };
const [[, openBus]] = buses as [(typeof buses)[0]];
let station: Station;

beforeEach(async () => {
  station = await Station.open(openBus);
});

afterEach(() => station[Symbol.asyncDispose]());

function isGone(pid: number): Promise<void> {
  return eventually(() => startedAt(pid) === undefined);
}

async function eventually(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe("an instance that ends by itself", () => {
  test("is started again, less and less often, until it has failed", async () => {
    const restart = { policy: "on-failure", backoff: quick, giveUpAfter: 3, withinMs: 10_000 };
    await station.supervise({ crash: script("echo up; exit 7", { restart }) });
    await station.run("a", "crash");
    expect(await station.untilStatus("a", "failed")).toMatchObject({ restarts: 3, exit_code: 7, pid: null });
    expect(await station.log("a")).toBe("up\n".repeat(4));
    expect(station.troubles).toEqual(["Instance a ended 4 times and is not started again"]);
    await station.command("start", "a");
    expect((await station.until("a", ({ restarts }) => restarts === 1)).status).toBe("starting");
  });

  test("has stopped when it ended well, and failed when not, unless it is to be started again", async () => {
    const never = { restart: { policy: "never" } };
    await station.supervise({
      well: script("exit 0"),
      badly: script("exit 9", never),
      killed: script("kill -9 $$", never),
    });
    await Promise.all(["well", "badly", "killed"].map((name) => station.run(name, name)));
    expect(await station.untilStatus("well", "stopped")).toMatchObject({ exit_code: 0, restarts: 0 });
    expect(await station.untilStatus("badly", "failed")).toMatchObject({ exit_code: 9, restarts: 0 });
    expect(await station.untilStatus("killed", "failed")).toMatchObject({ exit_code: null });
  });

  test("is started again after kill -9 within a second, and can be stopped while it waits", async () => {
    await station.supervise({ sleeper: { ...sleeper, restart: { backoff: { fromMs: 300, toMs: 60_000 } } } });
    await station.run("a", "sleeper");
    const { pid } = await station.untilStatus("a", "running");
    process.kill(pid ?? 0, "SIGKILL");
    const killedMs = performance.now();
    await station.until("a", (record) => record.pid === null && record.restarts === 1);
    expect(performance.now() - killedMs).toBeLessThan(1000);
    const again = await station.until("a", (record) => record.status === "running" && record.pid !== pid);
    process.kill(again.pid ?? 0, "SIGKILL");
    await station.until("a", (record) => record.pid === null && record.restarts === 2);
    expect((await station.command("stop", "a")).instance).toMatchObject({ status: "stopped", pid: null });
  });

  test("that cannot be started says why in its log", async () => {
    const restart = { policy: "never" };
    await station.supervise({
      nothing: { command: "no-such-command", restart },
      nowhere: { ...sleeper, cwd: "/no/where", restart },
    });
    await station.run("a", "nothing");
    await station.run("b", "nowhere");
    expect(await station.untilStatus("a", "failed")).toMatchObject({ exit_code: 127 });
    await station.untilStatus("b", "failed");
    expect(await station.log("a")).toContain("no-such-command: not found");
    expect(await station.log("b")).toContain("/no/where");
  });
});

describe("a stop", () => {
  test("ends everything that the command began, also what does not want to", async () => {
    const tree = "trap '' TERM; (trap '' TERM; sleep 1001 & setsid sleep 1002 & echo $!; wait) & wait; wait";
    await station.supervise({ tree: script(tree, { stop: { graceMs: 200 } }) });
    await station.run("a", "tree");
    const stray = Number(await station.logged("a", "\n"));
    await station.untilStatus("a", "running");
    const [launch] = await station.launches();
    expect((await membersOf(launch ?? "")).length).toBeGreaterThan(4);
    await station.command("stop", "a");
    await station.untilStatus("a", "stopped");
    expect(startedAt(stray)).toBeUndefined();
    expect(await membersOf(launch ?? "")).toEqual([]);
  });

  test("gives the command its grace, and its last words reach the log", async () => {
    const polite = "trap 'sleep 0.2; echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done";
    await station.supervise({ polite: script(polite) });
    await station.run("a", "polite");
    await station.logged("a", "up");
    await station.untilStatus("a", "running");
    await station.command("stop", "a");
    expect(await station.untilStatus("a", "stopped")).toMatchObject({ exit_code: 0, restarts: 0 });
    expect(await station.log("a")).toMatch(/^up\n(Terminated\n)?bye\n$/);
  });
});

describe("a probe", () => {
  const server = (answer: string) => `
    let n = 0;
    require("node:http").createServer((request, response) => { n++; ${answer} }).listen(Number(process.argv[1]), "127.0.0.1");
  `;
  const probed = (answer: string, kind: string) => ({
    command: process.execPath,
    args: ["-e", server(answer), "{port}"],
    port: { from: 21_300, to: 21_399 },
    health: { kind, path: "/health", everyMs: 30, timeoutMs: 150, failures: 2 },
    restart: { backoff: quick, giveUpAfter: 1 },
  });

  test.each(["tcp", "http"])("over %s makes an instance a running one when it answers", async (kind) => {
    await station.supervise({ web: probed("response.end()", kind) });
    await station.run("a", "web");
    await station.untilStatus("a", "running");
    expect(station.history("a").map(({ status }) => status)).toContain("starting");
  });

  test("that hangs, time after time, has the instance killed and started again", async () => {
    await station.supervise({ web: probed("if (n < 3) response.end()", "http") });
    await station.run("a", "web");
    const { pid } = await station.untilStatus("a", "running");
    await station.until("a", ({ restarts }) => restarts === 1);
    await isGone(pid ?? 0);
    expect(await station.untilStatus("a", "failed")).toMatchObject({ restarts: 1, exit_code: null });
    expect(station.troubles[0]).toMatch(/^Instance a does not answer on port 213\d\d; it is killed$/);
  });
});

test("The wait before a start doubles, has a limit, and is short again after a long run", () => {
  const backoff = new Backoff({
    policy: "always",
    backoff: { fromMs: 500, toMs: 3000 },
    giveUpAfter: 5,
    withinMs: 60_000,
  });
  const ends = [1, 2, 3, 4, 5, 6].map((second) => backoff.next(second * 1000, 100));
  expect(ends).toEqual([500, 1000, 2000, 3000, 3000, undefined]);
  expect(backoff.next(61_000, 100)).toBe(3000);
  expect(backoff.next(200_000, 60_000)).toBe(500);
  backoff.reset();
  expect(backoff.next(200_001, 0)).toBe(500);
});
