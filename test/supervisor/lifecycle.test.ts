import { createServer } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startedAt } from "../../src/supervisor/proc.ts";
import { buses } from "../support/buses.ts";
import { Station, script, sleeper } from "./station.ts";

describe.each(buses)("on %s an instance", (_, openBus) => {
  let station: Station;

  beforeEach(async () => {
    station = await Station.open(openBus);
  });

  afterEach(() => station[Symbol.asyncDispose]());

  test("is created, started, stopped, started again, put away, copied and deleted", async () => {
    await station.supervise();
    const { instance } = await station.command("create", "a", { template: "sleeper" });
    expect(instance).toMatchObject({
      name: "a",
      status: "stopped",
      port: null,
      pid: null,
      restarts: 0,
      exit_code: null,
    });
    expect((await station.command("start", "a")).instance?.status).toBe("starting");
    const running = await station.untilStatus("a", "running");
    expect(startedAt(running.pid ?? 0)).toBeDefined();
    expect((await station.command("stop", "a")).instance?.status).toBe("stopping");
    expect(await station.untilStatus("a", "stopped")).toMatchObject({ pid: null, exit_code: null });
    expect(startedAt(running.pid ?? 0)).toBeUndefined();
    await station.command("start", "a");
    const again = await station.untilStatus("a", "running");
    await station.command("restart", "a");
    await station.until("a", ({ status, pid }) => status === "running" && pid !== again.pid);
    await station.command("stop", "a");
    await station.untilStatus("a", "stopped");
    expect((await station.command("archive", "a")).instance?.archived_at).toMatch(/^\d{4}-/);
    await expect(station.command("start", "a")).rejects.toThrow("a is archived; unarchive it first");
    expect((await station.command("clone", "a", { as: "b" })).instance).toMatchObject({ name: "b", archived_at: null });
    expect((await station.command("unarchive", "a")).instance?.archived_at).toBeNull();
    expect((await station.command("delete", "a")).instance).toBeNull();
    await station.untilDeleted("a");
    await expect(station.command("start", "a")).rejects.toMatchObject({ code: "instance_not_found" });
    expect(station.troubles).toEqual([]);
  });

  test("takes one of two commands that come at once", async () => {
    await station.supervise();
    const attempts = (command: "create" | "start" | "stop" | "delete") =>
      Promise.allSettled([1, 2, 3].map(() => station.command(command, "a", { template: "sleeper" })));
    for (const command of ["create", "start", "stop"] as const) {
      const outcomes = await attempts(command);
      expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      const refused = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason.code] : []));
      expect(refused).toEqual(["conflict", "conflict"]);
      if (command === "start") await station.untilStatus("a", "running");
    }
  });

  test("is started once by a command that comes twice with one id", async () => {
    await station.supervise();
    await station.command("create", "a", { template: "sleeper" });
    const answers = await Promise.all([1, 2].map(() => station.command("start", "a", { id: "k" })));
    expect(answers.map(({ duplicate }) => duplicate).sort()).toEqual([false, true]);
    expect((await station.command("start", "a", { id: "k" })).duplicate).toBe(true);
    await expect(station.command("start", "a", { id: "l" })).rejects.toMatchObject({ code: "conflict" });
  });

  test("is copied under each name that is asked for, also with one id", async () => {
    await station.supervise();
    await station.command("create", "a", { template: "sleeper" });
    for (const as of ["b", "c"]) {
      const answer = await station.command("clone", "a", { as, id: "k" });
      expect(answer).toMatchObject({ instance: { name: as }, duplicate: false });
    }
    expect(await station.command("clone", "a", { as: "c", id: "k" })).toMatchObject({ duplicate: true });
  });

  test("that a gateway called unknown is told as it is", async () => {
    await station.supervise();
    await station.run("a", "sleeper");
    const running = await station.untilStatus("a", "running");
    const table = await station.table;
    await table.put(station.subject("a"), new TextEncoder().encode(JSON.stringify({ ...running, status: "unknown" })));
    await station.untilStatus("a", "unknown").catch(() => {});
    expect(await station.untilStatus("a", "running")).toEqual(running);
  });

  test("whose row another deletes goes on, and its row comes back", async () => {
    await station.supervise();
    await station.run("a", "sleeper");
    const running = await station.untilStatus("a", "running");
    await (await station.table).put(station.subject("a"), new Uint8Array(0));
    await station.untilDeleted("a");
    expect(await station.untilStatus("a", "running")).toEqual(running);
    expect(startedAt(running.pid ?? 0)).toBeDefined();
    expect((await station.command("stop", "a")).instance?.status).toBe("stopping");
  });

  test("of another node is not touched", async () => {
    const record = { name: "a", status: "running", node: "elsewhere", port: null, pid: 1 };
    await (await station.table).put(station.subject("a"), new TextEncoder().encode(JSON.stringify(record)));
    await station.supervise();
    await expect(station.command("stop", "a")).rejects.toMatchObject({ code: "instance_not_found" });
    await expect(station.command("create", "a", { template: "sleeper" })).rejects.toMatchObject({ code: "conflict" });
  });

  test("gets a port that is free, and none when the range is used up", async () => {
    const taken = createServer();
    // Below the ports that the system gives to whoever asks for any.
    const port = 22_000 + (process.pid % 5000) * 2;
    await new Promise<void>((resolve) => taken.listen(port, resolve));
    const range = { from: port, to: port + 1 };
    await station.supervise({ web: { ...sleeper, port: range } });
    try {
      expect((await station.command("create", "a", { template: "web" })).instance?.port).toBe(port + 1);
      await expect(station.command("create", "b", { template: "web" })).rejects.toThrow(
        `No port from ${port} to ${port + 1} is free`,
      );
    } finally {
      taken.close();
    }
    expect((await station.command("create", "b", { template: "web" })).instance?.port).toBe(port);
  });

  test("is refused with parameters that its template does not allow", async () => {
    const echo = script('echo "$0"; sleep 1000', {
      args: ["-c", 'echo "$0"; sleep 1000', "{word}"],
      params: { word: {} },
    });
    await station.supervise({ echo });
    const create = (params: Record<string, string>) => station.command("create", "a", { template: "echo", params });
    await expect(create({})).rejects.toThrow('Parameter "word" is missing');
    await expect(create({ word: "a b" })).rejects.toThrow('Parameter "word" must match');
    await expect(create({ word: "a\n" })).rejects.toThrow('Parameter "word" must match');
    await expect(create({ word: "a", wrod: "b" })).rejects.toThrow('There is no parameter "wrod"');
    await expect(station.command("create", "../a", { template: "echo" })).rejects.toThrow("cannot be called");
    await expect(station.command("create", "a", { template: "ecco" })).rejects.toMatchObject({
      code: "unknown_template",
    });
    await create({ word: "hello" });
    await station.command("start", "a");
    expect(await station.logged("a", "\n")).toBe("hello\n");
  });
});
