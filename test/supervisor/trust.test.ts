import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { InstanceRecord } from "../../src/protocol/instance.ts";
import { startedAt } from "../../src/supervisor/proc.ts";
import { buses } from "../support/buses.ts";
import { marked, processesOf } from "./processes.ts";
import { node, org, Station, sleeper } from "./station.ts";

const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const nothing = new Uint8Array(0);

/** A row as a node writes it, of an instance that it was never told to make. */
const forged: InstanceRecord = {
  name: "x",
  status: "starting",
  port: null,
  pid: null,
  archived_at: null,
  node,
  template: "marked",
  params: { word: "forged" },
  created_at: "2026-02-20T01:23:45Z",
  exit_code: null,
  restarts: 0,
};

describe.each(buses)("on %s a row", (_, openBus) => {
  let station: Station;
  let template: ReturnType<typeof marked>;

  beforeEach(async () => {
    station = await Station.open(openBus);
    template = marked();
  });

  afterEach(() => station[Symbol.asyncDispose]());

  const rowOf = async (name: string) => {
    const stored = await (await station.table).get(station.subject(name));
    return stored && (JSON.parse(new TextDecoder().decode(stored.data)) as InstanceRecord);
  };

  /** Whatever was heard before has been acted on when a command behind it is carried out. */
  async function runWitness(): Promise<number> {
    await station.run("witness", "marked", { word: "witness" });
    const pid = (await station.untilStatus("witness", "running")).pid ?? 0;
    // On a busy machine its process may still be about to become the command.
    await vi.waitFor(() => expect(processesOf(template)).toContain(pid), 5000);
    return pid;
  }

  test.each(["starting", "running", "stopping", "unknown", "failed"] as const)(
    "that a publisher writes starts nothing, whatever it names: %s",
    async (status) => {
      const table = await station.table;
      const subject = `skein.${org}.instances.x`;
      await table.put(subject, bytes({ ...forged, status }));
      await station.supervise({ marked: template });
      await table.put(subject, bytes({ ...forged, status, params: { word: "again" } }));
      const pid = await runWitness();
      expect(processesOf(template)).toEqual([pid]);
      expect(existsSync(station.stateFile("x"))).toBe(false);
      expect(station.troubles).toEqual([]);
    },
  );

  test.each(["starting", "running"] as const)(
    "of this node, of which the node knows nothing, starts nothing; it is marked, told of, and can be deleted: %s",
    async (status) => {
      const table = await station.table;
      await station.supervise({ marked: template });
      await table.put(station.subject("x"), bytes({ ...forged, status, pid: process.pid }));
      await station.untilStatus("x", "unknown");
      expect(await rowOf("x")).toEqual({ ...forged, status: "unknown", pid: null });
      expect(station.troubles).toEqual([
        expect.stringMatching(/^The row of instance x names this node, n1, which knows/),
      ]);
      for (const command of ["start", "stop", "restart", "archive", "clone"] as const) {
        await expect(station.command(command, "x", { as: "y" })).rejects.toMatchObject({ code: "conflict" });
      }
      const pid = await runWitness();
      expect(processesOf(template)).toEqual([pid]);
      expect((await station.command("delete", "x")).instance).toBeNull();
      await station.untilDeleted("x");
      expect(await rowOf("x")).toBeUndefined();
    },
  );

  test("of this node that stood there before it came is found when a command names it, and a create takes its place", async () => {
    await (await station.table).put(station.subject("x"), bytes({ ...forged, status: "running", pid: 1 }));
    await station.supervise({ marked: template });
    await expect(station.command("stop", "x")).rejects.toMatchObject({ code: "conflict" });
    expect(await rowOf("x")).toMatchObject({ status: "unknown", pid: null });
    const { instance } = await station.command("create", "x", { template: "marked", params: { word: "own" } });
    expect(instance).toMatchObject({ status: "stopped", params: { word: "own" } });
    expect(await rowOf("x")).toEqual(instance);
    expect(processesOf(template)).toEqual([]);
  });

  test.each([
    ["says that it stopped", (row: InstanceRecord) => ({ ...row, status: "stopped", pid: null })],
    ["has another pid", (row: InstanceRecord) => ({ ...row, pid: 1 })],
    ["has odd parameters", (row: InstanceRecord) => ({ ...row, params: { word: "--forged" } })],
    ["has one field more", (row: InstanceRecord) => ({ ...row, extra: true })],
    ["is no record", () => ({ status: 5 })],
    ["names no node", ({ node: _node, ...row }: InstanceRecord) => row],
    ["is about another instance", (row: InstanceRecord) => ({ ...row, name: "b", node: "n2" })],
  ])("that %s is written again, and what runs goes on", async (_what, change) => {
    await station.supervise({ marked: template });
    const pid = await runWitness();
    const before = await rowOf("witness");
    const table = await station.table;
    const { position } = await table.put(station.subject("witness"), bytes(change(before as InstanceRecord)));
    await vi.waitFor(
      async () => expect((await table.get(station.subject("witness")))?.position).toBeGreaterThan(position),
      5000,
    );
    expect(await rowOf("witness")).toEqual(before);
    expect(processesOf(template)).toEqual([pid]);
  });

  test("of another node means that the name is lost: what runs here ends and is forgotten, with a report", async () => {
    const supervisor = await station.supervise({ marked: template });
    const pid = await runWitness();
    const theirs = { ...forged, name: "witness", node: "n2", status: "stopped" };
    await (await station.table).put(station.subject("witness"), bytes(theirs));
    await vi.waitFor(() => expect(startedAt(pid)).toBeUndefined(), 5000);
    await vi.waitFor(() => expect(existsSync(station.stateFile("witness"))).toBe(false), 5000);
    expect(station.troubles).toEqual([expect.stringContaining("Instance witness belongs to node n2 now")]);
    await expect(station.command("start", "witness")).rejects.toMatchObject({ code: "instance_not_found" });
    await expect(station.command("create", "witness", { template: "marked" })).rejects.toMatchObject({
      code: "conflict",
    });
    expect(await rowOf("witness")).toEqual(theirs);
    await supervisor.close();
    await station.supervise({ marked: template });
    expect(await rowOf("witness")).toEqual(theirs);
    expect(processesOf(template)).toEqual([]);
  });

  test("of another node that was written while this one was away counts when it is back", async () => {
    const first = await station.supervise({ marked: template });
    const pid = await runWitness();
    await first.close();
    const theirs = { ...forged, name: "witness", node: "n2", status: "running" };
    await (await station.table).put(station.subject("witness"), bytes(theirs));
    await station.supervise({ marked: template });
    await vi.waitFor(() => expect(startedAt(pid)).toBeUndefined(), 5000);
    await vi.waitFor(() => expect(existsSync(station.stateFile("witness"))).toBe(false), 5000);
    expect(await rowOf("witness")).toEqual(theirs);
  });

  test("comes back when it was deleted while the node was away, of every instance, and nothing is started by that", async () => {
    const first = await station.supervise({ marked: template });
    const pid = await runWitness();
    await station.command("create", "stopped", { template: "marked" });
    await station.command("create", "archived", { template: "marked" });
    await station.command("archive", "archived");
    const names = ["witness", "stopped", "archived"];
    const before = await Promise.all(names.map(rowOf));
    await first.close();
    for (const name of names) await (await station.table).put(station.subject(name), nothing);
    await station.supervise({ marked: template });
    expect(await Promise.all(names.map(rowOf))).toEqual(before);
    expect(processesOf(template)).toEqual([pid]);
    expect((await station.command("unarchive", "archived")).instance).toMatchObject({ archived_at: null });
    await station.command("start", "stopped");
    await station.untilStatus("stopped", "running");
  });

  test("that vanishes without a word is noticed within a minute", async () => {
    // A second of the node is a hundredth of ours.
    const quick = { now: () => Date.now() };
    const every = (ms: number, task: () => void) => {
      const timer = setInterval(task, ms / 100);
      return () => clearInterval(timer);
    };
    const after = (ms: number, task: () => void) => {
      const timer = setTimeout(task, ms);
      return () => clearTimeout(timer);
    };
    await station.supervise({ marked: template }, { ...quick, every, after });
    await station.command("create", "a", { template: "marked" });
    const before = await rowOf("a");
    await station.purge();
    await vi.waitFor(async () => expect(await rowOf("a")).toEqual(before), 5000);
  });
});

/** What a state file holds. */
interface Left {
  readonly record: object;
  readonly goal: string;
  readonly launch: string;
}

describe("a state file", () => {
  const [[, openBus]] = buses as [(typeof buses)[0]];
  let station: Station;
  let template: ReturnType<typeof marked>;

  beforeEach(async () => {
    station = await Station.open(openBus);
    template = marked();
  });

  afterEach(() => station[Symbol.asyncDispose]());

  const stateOf = (name: string) => JSON.parse(readFileSync(station.stateFile(name), "utf8"));

  /** Leaves a state file behind with another text in it. */
  async function left(textOf: (state: Left) => string): Promise<void> {
    const first = await station.supervise({ marked: template });
    await station.command("create", "a", { template: "marked", params: { word: "fine" } });
    await first.close();
    writeFileSync(station.stateFile("a"), textOf(stateOf("a")));
  }

  test("is there for an instance's whole life, and gone with it", async () => {
    await station.supervise({ marked: template });
    await station.command("create", "a", { template: "marked" });
    expect(stateOf("a")).toMatchObject({ record: { status: "stopped" }, launch: "" });
    await station.command("start", "a");
    await station.untilStatus("a", "running");
    expect(stateOf("a")).toMatchObject({ record: { status: "running" }, launch: expect.stringMatching(/^.{36}$/) });
    await station.command("stop", "a");
    await station.untilStatus("a", "stopped");
    await vi.waitFor(() => expect(stateOf("a")).toMatchObject({ record: { status: "stopped" }, launch: "" }));
    await station.command("archive", "a");
    expect(stateOf("a").record.archived_at).toMatch(/^\d{4}-/);
    await station.command("delete", "a");
    expect(existsSync(station.stateFile("a"))).toBe(false);
  });

  const odd = (change: object) => (state: Left) => JSON.stringify({ ...state, ...change });
  const oddRecord = (change: object) => (state: Left) => odd({ record: { ...state.record, ...change } })(state);

  test.each([
    ["no JSON", () => "{"],
    ["of another shape", odd({ record: {} })],
    ["about another instance", oddRecord({ name: "b" })],
    ["about a path", oddRecord({ name: "../a" })],
    ["of another node", oddRecord({ node: "n2" })],
    ["of a launch that is a path", odd({ launch: "../../x" })],
  ])("that is %s is told of and left alone", async (_what, textOf) => {
    await left(textOf);
    const before = readFileSync(station.stateFile("a"), "utf8");
    await station.supervise({ marked: template });
    expect(station.troubles).toEqual([expect.stringContaining(`The state file ${station.stateFile("a")} is not used`)]);
    expect(readFileSync(station.stateFile("a"), "utf8")).toBe(before);
    expect(processesOf(template)).toEqual([]);
  });

  test("with a start that was still to be made has it made", async () => {
    await left((state) => oddRecord({ status: "starting" })({ ...state, goal: "run" }));
    await station.supervise({ marked: template });
    const { pid } = await station.untilStatus("a", "running");
    expect(processesOf(template)).toEqual([pid]);
  });

  test("with parameters that the template does not allow starts nothing, by itself or by command", async () => {
    const params = { word: "--help" };
    await left((state) => oddRecord({ status: "starting", params })({ ...state, goal: "run" }));
    await station.supervise({ marked: template });
    expect(await station.untilStatus("a", "failed")).toMatchObject({ pid: null });
    expect(station.troubles).toEqual([expect.stringContaining('Parameter "word" must match')]);
    for (const command of ["start", "restart"] as const) {
      await expect(station.command(command, "a")).rejects.toMatchObject({ code: "bad_request" });
    }
    await expect(station.command("clone", "a", { as: "b" })).rejects.toMatchObject({ code: "bad_request" });
    expect(processesOf(template)).toEqual([]);
    const { instance } = await station.command("clone", "a", { as: "b", params: { word: "fine" } });
    expect(instance).toMatchObject({ name: "b", params: { word: "fine" } });
  });

  test("outlives its template's old pattern: what the present one forbids is not started again", async () => {
    const first = await station.supervise({ marked: template });
    await station.run("a", "marked", { word: "fine" });
    await station.untilStatus("a", "running");
    await first.close();
    await station.supervise({ marked: { ...template, params: { word: { pattern: "other" } } } });
    await expect(station.command("restart", "a")).rejects.toMatchObject({ code: "bad_request" });
    expect(processesOf(template)).toHaveLength(1);
    await station.command("stop", "a");
    await station.untilStatus("a", "stopped");
    await expect(station.command("start", "a")).rejects.toMatchObject({ code: "bad_request" });
  });
});

test("a value begins like an option only where its pattern says so", async () => {
  await using station = await Station.open((buses[0] as (typeof buses)[0])[1]);
  const params = { plain: { default: "" }, free: { default: "", pattern: ".*" } };
  await station.supervise({ sleeper: { ...sleeper, params } });
  const create = (name: string, given: Record<string, string>) =>
    station.command("create", name, { template: "sleeper", params: given });
  for (const plain of ["-", "--rf", "-x/y"]) await expect(create("a", { plain })).rejects.toThrow('"plain" must match');
  await create("a", { plain: "a-b", free: "--rf" });
  await create("b", { plain: "", free: "" });
});
