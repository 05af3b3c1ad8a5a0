import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ConnectOptions, connect } from "../../src/publisher/index.ts";
import { ManualClock } from "../support/clock.ts";
import { Collector } from "./collector.ts";
import { setStage } from "./stage.ts";

const stage = setStage();
let graph: Collector;

beforeAll(async () => {
  graph = await Collector.follow(stage.gateway.bus, "graph");
});

beforeEach(() => {
  graph.events.length = 0;
});

const user = { crew: "c", run: "r", agent: "a" };

describe.each([
  ["NATS", (): ConnectOptions => ({ nats: stage.server.url, onExit: "nothing" })],
  ["HTTP", (): ConnectOptions => ({ http: stage.gateway.url, onExit: "nothing" })],
])("Over %s", (_, options) => {
  test("work that is run as a tool is told from its start to its end, and what it gives is given", async () => {
    await using skein = await connect(options());
    const result = await skein.tools(user).run(
      "pytest",
      async (call) => {
        void call.progress(0.5, "half of it");
        return 42;
      },
      { path: "test/" },
    );
    expect(result).toBe(42);
    const [start, progress, end] = await graph.until(({ length }) => length === 3);
    const of = { crew_id: "c", run_id: "r", agent_id: "a", tool: "pytest", call_id: start?.call_id };
    expect(start).toMatchObject({ ...of, type: "tool_start", params: { path: "test/" }, lease_s: 30 });
    expect(progress).toMatchObject({ ...of, type: "tool_progress", progress: 0.5, message: "half of it" });
    expect(end).toMatchObject({ ...of, type: "tool_end", status: "success", exit_code: 0 });
    expect(end?.duration_s).toBeGreaterThanOrEqual(0);
    expect(start?.call_id).toMatch(/^[0-9a-f-]{36}$/);
  });

  test.each([
    [Object.assign(new Error("broken"), { exitCode: 9 }), 9],
    [new Error("hunter2"), 1],
    ["a text", 1],
    [undefined, 1],
  ])("work that throws has ended with an error, and throws (%s)", async (thrown, exit_code) => {
    await using skein = await connect(options());
    const running = skein.tools(user).run("break", () => {
      throw thrown;
    });
    await expect(running).rejects.toBe(thrown);
    const [, end] = await graph.until(({ length }) => length === 2);
    expect(end).toMatchObject({ type: "tool_end", status: "error", exit_code });
    expect(JSON.stringify(end)).not.toContain("hunter2");
  });

  test("work may say itself how it ended, and only the first word counts", async () => {
    await using skein = await connect(options());
    await skein.tools(user).run("lint", (call) => call.end({ status: "completed_with_errors", exit_code: 2 }));
    const call = skein.tools({ crew: "c" }).start("by hand");
    await call.end({ exit_code: 3 });
    await call.progress(1);
    await call.end();
    const bodies = await graph.until(({ length }) => length === 4);
    const outcomes = bodies
      .filter(({ type }) => type === "tool_end")
      .map(({ status, exit_code }) => [status, exit_code]);
    expect(outcomes).toEqual([
      ["completed_with_errors", 2],
      ["error", 3],
    ]);
    await skein.flush();
    expect(graph.bodies.length).toBe(4);
  });

  test("a tool at work renews its lease before it lapses, and no longer when it has ended", async () => {
    const clock = new ManualClock();
    await using skein = await connect({ ...options(), clock });
    const call = skein.tools(user).start("long");
    await skein.flush();
    await graph.until(({ length }) => length === 1);
    for (let i = 0; i < 4; i++) {
      clock.pass(8_000);
      await graph.until(({ length }) => length === i + 2);
    }
    expect(graph.bodies[1]).toMatchObject({ type: "tool_lease", call_id: call.id });
    expect(graph.bodies.map(({ type }) => type)).toEqual(["tool_start", ...Array(4).fill("tool_lease")]);
    await call.end();
    clock.pass(60_000);
    const bodies = await graph.until(({ length }) => length === 6);
    expect(bodies[5]).toMatchObject({ type: "tool_end", duration_s: 32 });
  });

  test("a crew says again how it is until it is offline, and is offline when the publisher is closed", async () => {
    const clock = new ManualClock();
    const heard: unknown[] = [];
    const stop = stage.gateway.bus.subscribe("skein.default.mission.*", ({ subject, data }) => {
      heard.push([subject.split(".").at(-1), JSON.parse(new TextDecoder().decode(data)).status]);
    });
    const skein = await connect({ ...options(), clock });
    await skein.crew("one").signal("busy");
    await skein.crew("two").signal("available");
    await skein.crew("two").signal("offline");
    for (let i = 0; i < 2; i++) {
      clock.pass(30_000);
      await skein.flush();
    }
    await skein.close();
    await stage.gateway.bus.request("skein.default.nobody", new Uint8Array(0), 1000).catch(() => {});
    stop();
    const says = (crew: string) => heard.filter((one) => Array.isArray(one) && one[0] === crew);
    expect(says("one").map((one) => (one as string[])[1])).toEqual(["busy", "busy", "busy", "offline"]);
    expect(says("two").map((one) => (one as string[])[1])).toEqual(["available", "offline"]);
  });
});
