import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ToolWatch } from "../../src/tools/watch.ts";
import { ManualClock } from "../support/clock.ts";
import { Collector } from "./collector.ts";
import { setStage } from "./stage.ts";
import { Worker } from "./worker.ts";

const stage = setStage();
let graph: Collector;
let runs: Collector;

beforeAll(async () => {
  graph = await Collector.follow(stage.gateway.bus, "graph");
  runs = await Collector.follow(stage.gateway.bus, "runs");
});

beforeEach(() => {
  graph.events.length = 0;
  runs.events.length = 0;
});

const everything = Array.from({ length: 200 }, (_, i) => i);
const said = () => runs.bodies.map(({ i }) => i);
const toolEvents = () => graph.bodies.map(({ type }) => type).filter((type) => type !== "tool_lease");

describe.each([
  ["NATS", () => stage.server.url],
  ["HTTP", () => stage.gateway.url],
] as const)("Over %s", (_, address) => {
  test("a process that has nothing left to do delivers what it said before", async () => {
    await using worker = new Worker(address(), "leaves");
    expect(await worker.exit).toEqual({ code: 0, signal: null });
    await runs.until(({ length }) => length >= 200);
    expect(said()).toEqual(everything);
    expect(worker.output).toBe("");
  });

  test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
    "a process that gets %s delivers, ends its tools and its crew, and dies of the signal",
    async (signal) => {
      await using worker = new Worker(address(), "works");
      await worker.says("ready");
      worker.signal(signal);
      expect(await worker.exit).toEqual({ code: null, signal });
      await runs.until(({ length }) => length >= 200);
      expect(said()).toEqual(everything);
      await graph.until((bodies) => bodies.some(({ type }) => type === "tool_end"));
      expect(toolEvents()).toEqual(["tool_start", "tool_end"]);
      expect(graph.bodies.at(-1)).toMatchObject({ tool: "compile", status: "error", reason: "its process ended" });
      expect(worker.output).toBe("ready\n");
    },
  );

  test("all that holds on Deno, too", async () => {
    await using idle = new Worker(address(), "leaves", "Deno");
    expect(await idle.exit).toEqual({ code: 0, signal: null });
    await runs.until(({ length }) => length >= 200);
    await using busy = new Worker(address(), "works", "Deno");
    await busy.says("ready");
    busy.signal("SIGTERM");
    expect(await busy.exit).toEqual({ code: null, signal: "SIGTERM" });
    await runs.until(({ length }) => length >= 400);
    expect(said()).toEqual([...everything, ...everything]);
    await graph.until((bodies) => bodies.some(({ type }) => type === "tool_end"));
    expect([idle.output, busy.output]).toEqual(["", "ready\n"]);
  });

  test("a process that listens to the signal itself decides how it ends, and delivers meanwhile", async () => {
    await using worker = new Worker(address(), "decides");
    await worker.says("ready");
    worker.signal("SIGTERM");
    expect(await worker.exit).toEqual({ code: 7, signal: null });
    await runs.until(({ length }) => length >= 200);
    expect(said()).toEqual(everything);
  });

  test("a process that exits in the middle keeps its exit code, and tells what was not stored", async () => {
    await using worker = new Worker(address(), "exits");
    expect(await worker.exit).toEqual({ code: 3, signal: null });
    const dropped = worker.output.match(/^dropped runs\.much much-\d+-\d+$/gm) ?? [];
    expect(dropped.length).toBe(200);
  });

  test("a tool whose work never ends is ended with its process", async () => {
    await using worker = new Worker(address(), "forgets");
    expect(await worker.exit).toEqual({ code: 0, signal: null });
    await graph.until((bodies) => bodies.some(({ type }) => type === "tool_end"));
    expect(toolEvents()).toEqual(["tool_start", "tool_end"]);
    expect(graph.bodies[1]).toMatchObject({ tool: "wait", status: "error" });
  });

  test("after kill -9 a gateway ends the tool when its lease lapses", async () => {
    const clock = new ManualClock();
    const journal = { name: "graph", subjects: ["skein.*.graph.*"], keepMs: 24 * 60 * 60 * 1000 };
    const report = (fault: unknown) => expect(fault).toBeUndefined();
    await using worker = new Worker(address(), "works");
    await worker.says("ready");
    const watch = new ToolWatch({ bus: stage.gateway.bus, clock, random: () => 0, journal, report });
    await watch.start();
    worker.signal("SIGKILL");
    await worker.exit;
    const [start] = await graph.until((bodies) => bodies.some(({ type }) => type === "tool_start"));
    const passing = setInterval(() => clock.pass(5_000), 20);
    await graph.until((bodies) => bodies.some(({ type }) => type === "tool_end"));
    clearInterval(passing);
    await watch.close();
    const end = graph.bodies.at(-1);
    expect(end).toMatchObject({ status: "error", reason: "lease lapsed", call_id: start?.call_id, tool: "compile" });
    expect(toolEvents()).toEqual(["tool_start", "tool_end"]);
  });
});
