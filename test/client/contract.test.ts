import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { transports } from "../../src/client/skein.ts";
import { buses, type TestBus } from "../support/buses.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { hurry, watch } from "./following.ts";

const [embedded = ["", failing], nats = ["", failing]] = buses;
const grounds = [
  ...transports.map((transport) => ({ transport, place: embedded[0], open: embedded[1] })),
  { transport: "ws" as const, place: nats[0], open: nats[1] },
];

function failing(): Promise<TestBus> {
  return Promise.reject(new Error("There is no such bus"));
}

describe.each(grounds)("A client over $transport, on $place,", ({ transport, open }) => {
  let ground: TestBus;
  let gateway: Gateway;

  beforeAll(async () => {
    ground = await open();
    gateway = await startGateway({ bus: ground.bus });
  });

  afterAll(async () => {
    await gateway.close();
    await ground[Symbol.asyncDispose]();
  });

  const connect = () => hurry(gateway.url, { transports: [transport] });

  test("knows the fleet as it is, through every kind of change", async () => {
    await gateway.publish("instances/one", { status: "running", port: 1, region: "eu" });
    using skein = connect();
    const fleet = watch(skein.stream("instances"));
    expect((await fleet.until((rows) => rows.has("one"))).get("one")).toMatchObject({
      status: "running",
      region: "eu",
    });
    await gateway.publish("instances/one", { status: "stopped", port: 2 });
    await gateway.publish("instances/two", { status: "running" });
    await gateway.publish("instances/three", { status: "running", archived_at: "2026-02-20T01:23:45Z" });
    const changed = await fleet.until((rows) => rows.has("two"));
    expect(changed.get("one")).toMatchObject({ status: "stopped", port: 2, region: null });
    await gateway.publish("instances/two", { status: "running", archived_at: "2026-02-20T01:23:45Z" });
    await fleet.until((rows) => !rows.has("two"));
    await gateway.publish("instances/two", { status: "failed", archived_at: null });
    await gateway.publish("instances/one", null);
    const rows = await fleet.until((all) => !all.has("one"));
    expect([...rows.keys()]).toEqual(["two"]);
    expect(rows.get("two")).not.toHaveProperty("cursor");
  });

  test("follows many streams at once, each by itself, and more of them later", async () => {
    await gateway.publish("messages/m1", { event: "sent", from: "a", to: "b", message_type: "t" });
    await gateway.publish("tasks/i1", { type: "task_update", task_id: "t1", data: { progress: 5 } });
    using skein = connect();
    const messages = watch(skein.stream("messages?instance=a"));
    const tasks = watch(skein.stream("tasks/i1"));
    await messages.until(({ length }) => length === 1);
    await tasks.until((all) => all.get("t1")?.update?.progress === 5);
    const swarm = watch(skein.stream("swarm"));
    await swarm.until(({ agents }) => agents.size === 0);
    await gateway.publish("swarm/agents/x", { status: "busy" });
    await gateway.publish("swarm/tasks/y", { status: "pending" });
    await swarm.until(({ agents, tasks: all }) => agents.get("x")?.status === "busy" && all.has("y"));
    await gateway.publish("swarm/agents/x", null);
    await swarm.until(({ agents }) => agents.size === 0);
    await gateway.publish("tasks/i1", {
      type: "execution_step",
      task_id: "t1",
      data: { step_id: "s1", status: "done" },
    });
    await tasks.until((all) => all.get("t1")?.steps.get("s1")?.status === "done");
    await gateway.publish("messages/m1", { event: "delivered", from: "a", to: "b", message_type: "t" });
    const [, second] = await messages.until(({ length }) => length === 2);
    expect(second).toMatchObject({ message_id: "m1", event: "delivered" });
    expect(second).not.toHaveProperty("type");
  });

  test("shows a run when all of its past is there, and ends with it", async () => {
    for (const type of ["boot", "agent_start", "agent_end"]) await gateway.publish("runs/r1", { type });
    using skein = connect();
    const run = watch(skein.stream("runs/r1"));
    await expect.poll(() => run.states.map(({ length }) => length)).toEqual([3]);
    const ended = (async () => {
      const types: string[] = [];
      for await (const { type } of skein.stream("runs/r1").frames()) types.push(type);
      return types;
    })();
    await gateway.publish("runs/r1", { type: "done" });
    expect(await ended).toEqual(["done"]);
    expect(run.phases).toEqual(["loading", "live", "over"]);
    expect(run.frames.map(({ type }) => type).filter((type) => type !== "resumed")).toEqual([
      "snapshot",
      "boot",
      "agent_start",
      "agent_end",
      "done",
    ]);
  });

  test("says which stream was refused and why, and goes on with the others", async () => {
    using skein = connect();
    const fleet = watch(skein.stream("instances"));
    const nobody = watch(skein.stream("nobody"));
    const wrong = watch(skein.stream("instances?colour=red"));
    await expect.poll(() => [nobody.phases.at(-1), wrong.phases.at(-1)]).toEqual(["refused", "refused"]);
    expect(skein.stream("nobody").status.refusal).toMatchObject({ code: "unknown_stream" });
    expect(skein.stream("instances?colour=red").status.refusal).toMatchObject({ code: "bad_query" });
    await gateway.publish(`instances/late-${transport}`, { status: "running" });
    await fleet.until((rows) => rows.has(`late-${transport}`));
    await expect(skein.stream("nobody").frames()[Symbol.asyncIterator]().next()).rejects.toThrow('No stream "nobody"');
    expect(skein.status).toMatchObject({ state: "live", transport });
  });

  test("gives equal names one stream, and follows it from the first listener to the last", async () => {
    using skein = connect();
    const one = watch(skein.stream("messages?recent=0"));
    await expect.poll(() => one.states).toHaveLength(1);
    const other = watch(skein.stream("messages?recent=0"));
    expect(other.states).toEqual([one.states.at(-1)]);
    expect(skein.stream("messages?recent=0").getSnapshot()).toBe(one.states.at(-1));
    one.stop();
    other.stop();
    await expect.poll(() => skein.status.state).toBe("idle");
    expect(skein.stream("messages?recent=0").getSnapshot()).toBeUndefined();
    await watch(skein.stream("messages?recent=0")).until(() => true);
  });

  test("keeps as much of a list as was asked for, and reduces streams as the page says", async () => {
    using skein = connect();
    const few = watch(skein.stream("runs/long", { keep: 2 }));
    const count = watch(
      skein.stream("runs/long2", { reduce: (sum: number | undefined, { type }) => (sum ?? 0) + type.length }),
    );
    await few.until(() => true);
    await count.until((sum) => sum === 8);
    for (let i = 0; i < 5; i++) await gateway.publish("runs/long", { type: "task_start", task_id: `t${i}` });
    await few.until((events) => events.at(-1)?.task_id === "t4");
    expect(
      skein
        .stream("runs/long")
        .getSnapshot()
        ?.map(({ task_id }) => task_id),
    ).toEqual(["t3", "t4"]);
    await gateway.publish("runs/long2", { type: "boot" });
    await count.until((sum) => sum === 12);
  });
});
