import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { defineRooms } from "../../src/stream/rooms.ts";
import { tasks } from "../../src/streams/tasks.ts";
import { buses, type TestBus } from "../support/buses.ts";
import { follow } from "../support/client.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { enforced, token } from "../support/tokens.ts";
import { muxOverEvents, muxOverWebSocket } from "./mux-client.ts";

function progress(task_id: string, percent: number) {
  return { type: "task_update", task_id, data: { progress: percent, status: "IN_PROGRESS" } };
}

const enter = (instance_id: unknown) => ({ type: "subscribe_instance", instance_id });
const leave = (instance_id: unknown) => ({ type: "unsubscribe_instance", instance_id });

describe.each(buses)("On %s, rooms", (_name, open) => {
  let ground: TestBus;
  let gateway: Gateway;
  let other: Gateway;

  beforeAll(async () => {
    ground = await open();
    gateway = await startGateway({ bus: ground.bus });
    other = await startGateway({ bus: ground.bus });
  });

  afterAll(async () => {
    await gateway.close();
    await other.close();
    await ground[Symbol.asyncDispose]();
  });

  test("are entered and left by messages, each confirmed, and bring what alone they would", async () => {
    await gateway.publish("tasks/a1", progress("t1", 5));
    using client = muxOverWebSocket({ url: gateway.url, path: "ws/tasks" });
    expect(await client.count(undefined, 1)).toEqual([{ type: "connected" }]);
    client.send(enter("a1"));
    await client.count(undefined, 3);
    using alone = follow("ws", gateway.url, "tasks/a1");
    await alone.count(2);
    await gateway.publish("tasks/a1", progress("t1", 75));
    await client.count(undefined, 4);
    await alone.count(3);
    expect(client.raw().slice(1)).toEqual(alone.raw);
    client.send(enter("b1"));
    await client.count(undefined, 5);
    client.send(leave("a1"));
    await client.count(undefined, 6);
    await gateway.publish("tasks/a1", progress("t1", 80));
    await gateway.publish("tasks/b1", progress("t2", 1));
    const frames = await client.count(undefined, 7);
    expect(frames.slice(4)).toMatchObject([
      { type: "subscribed", instance_id: "b1" },
      { type: "unsubscribed", instance_id: "a1" },
      { type: "task_update", instance_id: "b1" },
    ]);
  });

  test("are confirmed as often as they are entered or left", async () => {
    using client = muxOverWebSocket({ url: gateway.url, path: "ws/tasks" });
    await client.count(undefined, 1);
    for (const message of [enter("a2"), enter("a2"), leave("a2"), leave("a2")]) {
      client.send(message);
      if (message.type === "subscribe_instance") await client.until(() => client.types().includes("subscribed"));
    }
    await client.until(() => client.types().filter((type) => type === "unsubscribed").length === 2);
    expect(client.types()[1]).toBe("subscribed");
    using again = muxOverWebSocket({ url: gateway.url, path: "ws/tasks" });
    await again.count(undefined, 1);
    again.send(enter("a2"));
    await again.count(undefined, 2);
    again.send(enter("a2"));
    expect((await again.count(undefined, 3)).map(({ type }) => type)).toEqual([
      "connected",
      "subscribed",
      "subscribed",
    ]);
    await gateway.publish("tasks/a2", progress("t", 1));
    await again.count(undefined, 4);
  });

  test("go on from a cursor that the client gives when it enters", async () => {
    await gateway.publish("tasks/a3", progress("t", 1));
    using first = muxOverWebSocket({ url: gateway.url, path: "ws/tasks?instance_id=a3" });
    const frames = await first.count(undefined, 3);
    await gateway.publish("tasks/a3", progress("t", 2));
    using second = muxOverWebSocket({ url: other.url, path: "ws/tasks" });
    await second.count(undefined, 1);
    second.send({ ...enter("a3"), since: frames[2]?.cursor });
    expect((await second.count(undefined, 3)).slice(1)).toMatchObject([
      { type: "resumed", instance_id: "a3", replayed: 1 },
      { type: "task_update", data: { progress: 2 } },
    ]);
  });

  test("over an event stream are named in its address, and all resumed from one id on another gateway", async () => {
    const path = "sse/tasks?instance_id=a4&instance_id=b4";
    using first = muxOverEvents({ url: gateway.url, path });
    await first.count(undefined, 3);
    expect(first.types()[0]).toBe("connected");
    await gateway.publish("tasks/a4", progress("t", 1));
    await first.count(undefined, 4);
    first.close();
    await gateway.publish("tasks/b4", progress("t", 2));
    await gateway.publish("tasks/a4", progress("t", 3));
    using second = muxOverEvents({ url: other.url, path, lastEventId: first.id });
    const frames = await second.count(undefined, 5);
    const of = (name: string) => frames.filter(({ instance_id }) => instance_id === name);
    expect(of("a4")).toMatchObject([{ type: "resumed", replayed: 1 }, { data: { progress: 3 } }]);
    expect(of("b4")).toMatchObject([{ type: "resumed", replayed: 1 }, { data: { progress: 2 } }]);
  });

  test("live among many streams as one of them, over both transports", async () => {
    using ws = muxOverWebSocket({ url: gateway.url, streams: ["tasks", "instances"] });
    await ws.count("tasks", 1);
    ws.send({ ...enter("a5"), stream: "tasks" });
    await ws.count("tasks", 2);
    const stream = "tasks?instance_id=a5";
    using sse = muxOverEvents({ url: gateway.url, streams: ["instances", stream] });
    await sse.count(stream, 2);
    await gateway.publish("tasks/a5", progress("t", 9));
    await Promise.all([ws.count("tasks", 3), sse.count(stream, 3)]);
    expect(sse.raw(stream)).toEqual(ws.raw("tasks"));
    await gateway.publish("tasks/a5", progress("t", 10));
    using again = muxOverEvents({ url: other.url, streams: [stream, "instances"], lastEventId: sse.told[0]?.id });
    expect((await again.count(stream, 2))[1]).toMatchObject({ type: "subscribed", reason: "expired" });
    using on = muxOverEvents({ url: other.url, streams: [stream, "instances"], lastEventId: sse.id });
    const resumed = await on.count(stream, 2);
    expect(resumed[1]).toMatchObject({ type: "resumed", instance_id: "a5" });
    expect((await on.count("instances", 1))[0]).toMatchObject({ type: "resumed" });
  });
});

describe("Rooms", () => {
  test("beyond what the token allows are refused one by one, and the connection stays", async () => {
    await using gateway = await startGateway({ auth: enforced });
    const bearer = await token({ instances: ["mine*"] });
    using client = muxOverWebSocket({ url: gateway.url, path: "ws/tasks", token: bearer });
    await client.count(undefined, 1);
    const long = `mine-${"x".repeat(200)}`;
    for (const name of ["yours", long, "mine-1"]) client.send(enter(name));
    const frames = await client.count(undefined, 4);
    expect(frames.filter(({ type }) => type === "error")).toMatchObject([
      { code: "forbidden", instance_id: "yours" },
      { code: "bad_request", instance_id: long },
    ]);
    expect(frames.filter(({ type }) => type === "subscribed")).toMatchObject([{ instance_id: "mine-1" }]);
    const refused = muxOverEvents({ url: gateway.url, path: "sse/tasks?instance_id=yours", token: bearer });
    expect(await refused.ended).toEqual({ code: 403 });
    using partly = muxOverEvents({
      url: gateway.url,
      path: "sse/tasks?instance_id=yours&instance_id=mine",
      token: bearer,
    });
    const said = await partly.count(undefined, 3);
    expect(said.map(({ type, instance_id }) => [type, instance_id])).toEqual([
      ["connected", undefined],
      ["error", "yours"],
      ["subscribed", "mine"],
    ]);
  });

  test.each([enter(5), leave(undefined), { type: "dance" }, "hello"])("close with 1008 after %j", async (message) => {
    await using gateway = await startGateway();
    using client = muxOverWebSocket({ url: gateway.url, path: "ws/tasks" });
    await client.count(undefined, 1);
    client.send(message);
    expect(await client.ended).toEqual({ code: 1008 });
  });

  test("are as many as their definition allows", async () => {
    await using gateway = await startGateway({ streams: [defineRooms({ ...tasks, most: 2 })] });
    using client = muxOverWebSocket({ url: gateway.url, path: "ws/tasks?instance_id=a&instance_id=b&instance_id=c" });
    const frames = await client.count(undefined, 4);
    expect(frames.find(({ type }) => type === "error")).toMatchObject({
      code: "too_many_subscriptions",
      instance_id: "c",
    });
    client.send(leave("a"));
    client.send(enter("c"));
    expect((await client.count(undefined, 6)).at(-1)).toMatchObject({ type: "subscribed", instance_id: "c" });
  });

  test("need a name where none can be entered later, and know no other parameter", async () => {
    await using gateway = await startGateway();
    for (const path of ["sse/tasks", "sse/tasks?instance_id=a&x=1"]) {
      const response = await fetch(`${gateway.url}/${path}`);
      expect([response.status, await response.json()]).toMatchObject([400, { code: "bad_query" }]);
    }
  });

  test.each([
    [{ param: "crew" }, /must name ":crew"/],
    [{ path: "tasks/:x" }, /must name nothing/],
    [{ join: "ping" }, /belongs to the protocol/],
    [{ join: "go", leave: "go" }, /must not be what leaves/],
    [{ most: 0 }, /most/],
  ])("are not defined with %j", (fault, reason) => {
    expect(() => defineRooms({ ...tasks, ...fault })).toThrow(reason);
  });
});
