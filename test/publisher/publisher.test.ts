import { describe, expect, test } from "vitest";
import { type ConnectOptions, connect, type Publisher } from "../../src/publisher/index.ts";
import { accept } from "../../src/stream/accept.ts";
import { withRooms } from "../../src/stream/rooms.ts";
import { namesIn } from "../../src/stream/subject.ts";
import { productStreams } from "../../src/streams/all.ts";
import { follow } from "../support/client.ts";
import { Collector, dropBox } from "./collector.ts";
import { setStage } from "./stage.ts";

const stage = setStage();

const ways: readonly (readonly [string, () => ConnectOptions])[] = [
  ["NATS", () => ({ nats: stage.server.url, onExit: "nothing" })],
  ["HTTP", () => ({ http: stage.gateway.url, onExit: "nothing" })],
];

/** Every call once, with everything that it takes, and where it is stored. */
const calls: readonly (readonly [tail: string, say: (skein: Publisher) => Promise<unknown>])[] = [
  ["mission.c1", (skein) => skein.crew("c1").signal("busy")],
  ["runs.r1", (skein) => skein.run("r1", { crew: "c1" }).boot({ name: "nightly", branch: "main" })],
  ["runs.r1", (skein) => skein.run("r1").agentStart("planner", { model: "small" })],
  ["runs.r1", (skein) => skein.run("r1").agentEnd("planner", { status: "ok", duration_s: 2.5 })],
  ["runs.r1", (skein) => skein.run("r1").taskStart("t1", { agent_id: "planner", name: "plan" })],
  ["runs.r1", (skein) => skein.run("r1").taskEnd("t1", { agent_id: "planner", status: "ok", duration_s: 1 })],
  ["runs.r1", (skein) => skein.run("r1").error("disk full", { agent_id: "planner", task_id: "t1" })],
  ["runs.r1", (skein) => skein.run("r1").done({ status: "ok", duration_s: 3, exit_code: 0 })],
  ["tasks.i1", (skein) => skein.task("i1", "t1").update({ progress: 75, message: "…", status: "IN_PROGRESS" })],
  ["tasks.i1", (skein) => skein.task("i1", "t1").step({ step_id: "s", agent: "a", action: "b", output: { c: 1 } })],
  ["attacks.a1", (skein) => skein.attack("a1").changed({ campaign_id: 7, name: "n", state: "running", progress: 3 })],
  ["attacks.a1", (skein) => skein.attack("a1").progress({ progress: 50 })],
  ["jobs.j1", (skein) => skein.job("j1").changed({ attack_id: "a1", state: "done" })],
  ["jobs.j1", (skein) => skein.job("j1").progress({ attack_id: 3, progress: 50 })],
  ["agents.g1", (skein) => skein.agent("g1").heartbeat({ name: "gpu", state: "idle", message: "fine" })],
  ["agents.g1", (skein) => skein.agent("g1").changed({ state: "idle" })],
  ["agents.g1", (skein) => skein.agent("g1").error({ message: "hot" })],
  ["cracks.k1", (skein) => skein.crack("k1").submitted({ campaign_id: "c", hash_type: "NTLM", count: 2 })],
  ["swarm.agents.s1", (skein) => skein.swarm.agent("s1", "thinking")],
  ["swarm.tasks.s1", (skein) => skein.swarm.task("s1", "done")],
  ["instances.x%2F1", (skein) => skein.instance("x/1").is({ status: "running", port: 80, pid: 7, zone: "a" })],
  [
    "graph.c1",
    (skein) => skein.tools({ crew: "c1", run: "r1", agent: "a" }).start("git", { url: "u" }).progress(0.5, "…"),
  ],
  [
    "graph.c1",
    (skein) => skein.tools({ crew: "c1" }).start("git").end({ status: "completed_with_errors", exit_code: 2 }),
  ],
];

describe.each(ways)("Over %s", (way, options) => {
  test("every call is stored where it belongs, as a body that the stream there takes", async () => {
    const heard: { tail: string; body: Uint8Array }[] = [];
    const stop = stage.gateway.bus.subscribe("skein.default.>", ({ subject, data }) => {
      heard.push({ tail: subject.replace("skein.default.", ""), body: data });
    });
    const { drops, onDrop } = dropBox();
    await using skein = await connect({ ...options(), onDrop });
    for (const [, say] of calls) await say(skein);
    await skein.remove("instances.x%2F1");
    expect(await skein.flush()).toMatchObject({ dropped: 0, waiting: 0 });
    await stage.gateway.bus.request("skein.default.nobody", new Uint8Array(0), 1000).catch(() => {});
    stop();
    expect(drops).toEqual([]);
    for (const [tail] of calls) expect(heard.map((one) => one.tail)).toContain(tail);
    for (const { tail, body } of heard.filter((one) => one.body.length > 0)) expectTaken(tail, body);
  });

  test("a frame of what was said reaches a client", async () => {
    using client = follow("ws", stage.gateway.url, `runs/${way}`);
    await client.count(1);
    await using skein = await connect(options());
    const run = skein.run(way);
    void run.boot();
    void run.agentStart("planner");
    void run.done();
    const frames = await client.until((seen) => seen.some(({ type }) => type === "done"));
    expect(frames.map(({ type }) => type)).toEqual(["snapshot", "boot", "agent_start", "done"]);
    expect(frames[2]).toMatchObject({ run_id: way, agent_id: "planner" });
  });

  test("what is said of one thing is stored in the order in which it was said, however much it is", async () => {
    using stored = await Collector.follow(stage.gateway.bus, "runs");
    await using skein = await connect(options());
    const count = 500;
    for (let i = 0; i < count; i++) void skein.publish(["runs", `order/${way}`], { type: "boot", i });
    expect(await skein.flush()).toMatchObject({ stored: count, waiting: 0 });
    const bodies = await stored.until(({ length }) => length === count);
    expect(bodies.map(({ i }) => i)).toEqual(Array.from({ length: count }, (_, i) => i));
  });

  test("the same id is the same message", async () => {
    await using skein = await connect(options());
    const first = await skein.publish(`runs.same-${way}`, { type: "boot" }, { id: "one" });
    const again = await skein.publish(`runs.same-${way}`, { type: "boot" }, { id: "one" });
    expect([first.duplicate, again]).toEqual([false, { position: first.position, duplicate: true }]);
  });

  test("a body that is wrong is refused before it leaves, with the name of its field, and told", async () => {
    const { drops, onDrop } = dropBox();
    await using skein = await connect({ ...options(), onDrop });
    const wrong: readonly (readonly [RegExp, () => Promise<unknown>])[] = [
      [/^"status": /, () => skein.crew("c9").signal("asleep" as never)],
      [/^"data.progress": /, () => skein.task("i", "t").update({ progress: 101 })],
      [/^"progress": /, () => skein.tools({ crew: "c9" }).start("t").progress(2)],
      [/^"plaintext" is not known here/, () => skein.crack("k").submitted({ plaintext: "hunter2" } as never)],
      [/^"hash_type": /, () => skein.crack("k").submitted({ hash_type: "hunter2 or so" })],
      [/^"code": belongs to/, () => skein.run("r9").error("no", { code: 3 })],
      [/^"cursor": belongs to/, () => skein.run("r9").boot({ cursor: "3" })],
      [/^"agent_id": must not be empty/, () => skein.run("r9").agentStart("")],
      [/A name must not be empty/, () => skein.run("").boot()],
      [/not be longer than 128 bytes/, () => skein.run("x".repeat(129)).boot()],
      [/names a stream, and nothing in it/, () => skein.publish("runs", {})],
      [/cannot be written as JSON/, () => skein.publish("runs.r9", { n: 1n })],
    ];
    for (const [message, say] of wrong) await expect(say()).rejects.toThrow(message);
    expect(drops.map(({ failure }) => failure.message)).toEqual(
      wrong.map(([pattern]) => expect.stringMatching(pattern)),
    );
    expect(skein.tally.dropped).toBe(wrong.length);
    expect(drops[0]).toMatchObject({ tail: "mission.c9", failure: { code: "invalid_body" } });
  });

  test("a value of a row that nobody could be told is not sent when a newer one waits", async () => {
    const away = way === "NATS" ? { nats: "nats://127.0.0.1:1" } : { http: "http://127.0.0.1:1" };
    const skein = await connect({ ...away, onExit: "nothing", ...dropBox() });
    const [first] = [skein.swarm.agent("late", "first")];
    await skein.flush(200);
    const rest = ["second", "third", "newest"].map((status) => skein.swarm.agent("late", status));
    expect(skein.tally).toMatchObject({ superseded: 3, waiting: 1 });
    await skein.close(1);
    for (const one of [first, ...rest]) await expect(one).rejects.toThrow("closed before");
  });

  test("the buffer has an end: what has waited longest is dropped, told and counted, and its promise says so", async () => {
    const away = way === "NATS" ? { nats: "nats://127.0.0.1:1" } : { http: "http://127.0.0.1:1" };
    const { drops, onDrop } = dropBox();
    const skein = await connect({ ...away, onExit: "nothing", onDrop, bufferMessages: 10 });
    const before = skein.publish("runs.r0", { type: "boot" }, { id: "before" });
    await skein.flush(20);
    for (let i = 0; i < 25; i++) void skein.publish(`runs.r${i % 3}`, { type: "boot", i }, { id: `${i}` });
    await expect(before).rejects.toThrow("The buffer is full (10 messages or 16777216 bytes)");
    // One may be under way, to see whether somebody is there again; that one is not dropped.
    const told = drops.map(({ id }) => id).filter((id) => id !== "before");
    expect(told.toSorted((one, other) => Number(one) - Number(other))).toEqual(told);
    expect(told.at(-1)).toMatch(/^1[45]$/);
    expect(skein.tally).toMatchObject({ stored: 0, waiting: 10, dropped: 16 });
    expect(await skein.close(1)).toEqual({ stored: 0, dropped: 26, superseded: 0, waiting: 0 });
    await expect(skein.publish("runs.r", {})).rejects.toThrow("closed before");
  });
});

/** Whether the streams of that subject take the body. */
function expectTaken(tail: string, body: Uint8Array): void {
  const found = withRooms(productStreams).flatMap((definition) => {
    if (definition.kind === "log" || definition.kind === "rooms") return [];
    const names = namesIn(definition, tail);
    return names ? [{ definition, names }] : [];
  });
  expect(found, tail).not.toEqual([]);
  for (const { definition, names } of found) {
    expect(() => accept(definition, { names, atMs: 0 }, body), tail).not.toThrow();
  }
}
