import { describe, expect, test } from "vitest";
import { Recorder } from "../bus/recorder.ts";
import { type Client, follow, type Seen } from "../support/client.ts";
import { token } from "../support/tokens.ts";
import { buses, Scene, withoutCursors } from "./scene.ts";

const dayMs = 24 * 60 * 60 * 1000;
const timestamp = "2024-01-01T12:00:00Z";

function update(task_id: string, data: object) {
  return { type: "task_update", task_id, data: { timestamp, ...data } };
}

const step = {
  type: "execution_step",
  task_id: "t1",
  data: { step_id: "s1", agent: "ContentCreator", action: "Writing", status: "completed", output: { words: 12 } },
};

function enter(client: Client, instance_id: string): void {
  client.send({ type: "subscribe_instance", instance_id });
}

describe.each(buses)("Tasks, over %s,", (_, open) => {
  test("that are not over come first in a room, each with its latest update", async () => {
    await using scene = await Scene.open(open);
    await scene.publish("tasks/i1", update("t1", { status: "SUBMITTED" }));
    await scene.publish("tasks/i1", update("t2", { status: "IN_PROGRESS", progress: 10 }));
    await scene.publish("tasks/i1", update("t3", { status: "QUEUED" }));
    await scene.publish("tasks/i1", update("t2", { status: "IN_PROGRESS", progress: 75, message: "Processing..." }));
    await scene.publish("tasks/i1", step);
    await scene.publish("tasks/i1", update("t1", { status: "COMPLETED" }));
    await scene.publish("tasks/i1", update("t1", { progress: 100 }));
    await scene.publish("tasks/i2", update("t4", { status: "FAILED" }));
    using client = scene.follow("ws", "tasks");
    expect(withoutCursors(await client.count(1))).toEqual([{ type: "connected" }]);
    enter(client, "i1");
    const of = (event: object) => ({ ...event, instance_id: "i1" });
    expect(withoutCursors(await client.count(4)).slice(1)).toEqual([
      { type: "subscribed", instance_id: "i1" },
      of(update("t3", { status: "QUEUED" })),
      of(update("t2", { status: "IN_PROGRESS", progress: 75, message: "Processing..." })),
    ]);
    await scene.publish("tasks/i2", update("t4", { status: "QUEUED" }));
    await scene.publish("tasks/i1", step);
    await scene.publish("tasks/i1", update("t1", { status: "SUBMITTED" }));
    expect(withoutCursors(await client.count(6)).slice(4)).toEqual([
      of(step),
      of(update("t1", { status: "SUBMITTED" })),
    ]);
    using newcomer = scene.follow("sse", "tasks?instance_id=i1");
    await newcomer.until((frames) => frames.some(({ task_id }) => task_id === "t1"));
  });

  test("show no secrets, live, in a room, after a resume and in reports of rejected ones", async () => {
    await using scene = await Scene.open(open);
    const secret = "canary-4c1d";
    const free = {
      password: secret,
      list: [{ api_key: secret }],
      url: `https://user:${secret}@example.com/x`,
      words: 12,
    };
    const masked = { password: "***", list: [{ api_key: "***" }], url: "https://***@example.com/x", words: 12 };
    const told = { ...step, data: { ...step.data, output: free, env: { GITHUB_TOKEN: secret } }, extra: free, secret };
    const shown = { data: { output: masked, env: { GITHUB_TOKEN: "***" } }, extra: masked, secret: "***" };
    const going = update("t2", { status: "QUEUED", message: free.url, context: free });
    const reports = new Recorder();
    const journal = await scene.bus.journal({ name: "rejected", subjects: ["skein.*.rejected.>"], keepMs: dayMs });
    journal.follow(reports);
    using live = scene.follow("sse", "tasks?instance_id=i1");
    using room = scene.follow("sse", "tasks/i1");
    await room.count(1);
    await live.count(2);
    await scene.publish("tasks/i1", told);
    await scene.publish("tasks/i1", going);
    await scene.say(
      { name: "tasks", subjects: ["skein.*.tasks.*"] },
      { subject: "skein.acme.tasks.i1", body: { ...told, type: "dance" }, keepMs: dayMs },
    );
    using resumed = scene.follow("sse", `tasks/i1?since=${room.frames[0]?.cursor}`);
    using newcomer = scene.follow("poll", "tasks/i1");
    for (const client of [live, room, resumed]) {
      const frames = await client.until((seen) => seen.some(({ task_id }) => task_id === "t2"));
      expect(frames.find(({ type }) => type === "execution_step")).toMatchObject(shown);
    }
    const latest = (await newcomer.count(2))[1];
    expect(latest).toMatchObject({ task_id: "t2", data: { message: masked.url, context: masked } });
    await reports.until(({ messages }) => messages.length > 0);
    for (const { raw } of [live, room, resumed, newcomer]) expect(raw.join()).not.toContain(secret);
    expect(reports.bodies.join()).not.toContain(secret);
  });

  test("are told of in the rooms that a client has entered and not left", async () => {
    await using scene = await Scene.open(open);
    using client = scene.follow("ws", "tasks");
    await client.count(1);
    for (const room of ["i1", "i2"]) enter(client, room);
    await client.count(3);
    await scene.publish("tasks/i2", step);
    await scene.publish("tasks/i1", step);
    const rooms = (frames: readonly Seen[]) => frames.map((frame) => frame.instance_id);
    expect(
      rooms(await client.count(5))
        .slice(3)
        .toSorted(),
    ).toEqual(["i1", "i2"]);
    client.send({ type: "unsubscribe_instance", instance_id: "i2" });
    expect((await client.count(6))[5]).toEqual({ type: "unsubscribed", instance_id: "i2" });
    await scene.publish("tasks/i2", step);
    await scene.publish("tasks/i1", step);
    expect((await client.count(7))[6]).toMatchObject({ type: "execution_step", instance_id: "i1" });
  });

  test("of an instance that the token does not allow are refused, and the connection stays", async () => {
    await using scene = await Scene.open(open);
    const limited = await token({ instances: ["i1"] });
    using client = scene.follow("ws", "tasks", limited);
    await client.count(1);
    enter(client, "i2");
    const [, refusal] = await client.count(2);
    expect(refusal).toMatchObject({ type: "error", code: "forbidden", instance_id: "i2" });
    enter(client, "i1");
    await client.until((frames) => frames.some(({ type }) => type === "subscribed"));
    using stranger = scene.follow("ws", "tasks", await token({ org: "globex" }));
    await stranger.count(1);
    enter(stranger, "i1");
    await stranger.count(2);
    await scene.publish("tasks/i1", step);
    await client.until((frames) => frames.some(({ type }) => type === "execution_step"));
    expect(stranger.frames.map(({ type }) => type)).toEqual(["connected", "subscribed"]);
  });

  test("are polled by the address of their instance", async () => {
    await using scene = await Scene.open(open);
    await scene.publish("tasks/i1", { type: "task_update", task_id: "t1", data: { progress: 75 } });
    using client = follow("poll", scene.gateway.url, "tasks/i1", scene.token);
    const [subscribed, first] = await client.count(2);
    expect(subscribed).toEqual({ type: "subscribed", instance_id: "i1" });
    // An update that does not say when it was made was made when it was stored.
    const stored = expect.stringMatching(/^\d{4}-\d\d-\d\dT/);
    expect(first).toMatchObject({ type: "task_update", task_id: "t1", data: { progress: 75, timestamp: stored } });
    expect(first).not.toHaveProperty("timestamp");
  });
});
