import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buses, type TestBus } from "../support/buses.ts";
import { follow } from "../support/client.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { type MuxClient, muxOverEvents, muxOverWebSocket } from "./mux-client.ts";

const opened = { ws: muxOverWebSocket, sse: muxOverEvents };

describe.each(buses)("On %s", (_name, open) => {
  let ground: TestBus;
  let gateway: Gateway;

  beforeAll(async () => {
    ground = await open();
    gateway = await startGateway({ bus: ground.bus });
    await gateway.publish("instances/a", { status: "running", pid: 1 });
  });

  afterAll(async () => {
    await gateway.close();
    await ground[Symbol.asyncDispose]();
  });

  describe.each(["ws", "sse"] as const)("many streams over %s", (transport) => {
    test("bring of each stream the very bytes that a connection of its own has", async () => {
      const run = `runs/same-${transport}`;
      const room = `tasks/${transport}`;
      const streams = ["instances", "messages?recent=3", run, room];
      using many = opened[transport]({ url: gateway.url, streams });
      const alone = streams.map((stream) => follow("ws", gateway.url, stream));
      await Promise.all([...streams.map((stream) => many.count(stream, 1)), ...alone.map((one) => one.count(1))]);
      await gateway.publish("instances/a", { status: `new-${transport}`, pid: 2 });
      const sent = { event: "sent", message_type: "task", from: "a", to: "b" };
      await gateway.publish(`messages/${transport}`, sent);
      await gateway.publish(run, { type: "boot", note: '"quoted", {"frame":1}' });
      await gateway.publish(room, { type: "task_update", task_id: "t", data: { progress: 5 } });
      for (const [i, stream] of streams.entries()) {
        await many.count(stream, 2);
        await alone[i]?.count(2);
        expect(many.raw(stream)).toEqual(alone[i]?.raw);
        alone[i]?.close();
      }
    });

    test("go on when one of them is over, and when one is refused", async () => {
      const run = `runs/over-${transport}`;
      using many = opened[transport]({ url: gateway.url, streams: ["nope", "instances?x=1", run, "instances"] });
      await many.count("instances", 1);
      await many.count(run, 1);
      expect(many.frames("nope")).toEqual([
        { type: "error", code: "unknown_stream", message: 'No stream "nope"' },
        { type: "unsubscribed", reason: "unknown_stream" },
      ]);
      expect(many.types("instances?x=1")).toEqual(["error", "unsubscribed"]);
      await gateway.publish(run, { type: "boot" });
      await gateway.publish(run, { type: "done", outcome: "success" });
      await many.count(run, 4);
      expect(many.frames(run).slice(1)).toMatchObject([
        { type: "boot" },
        { type: "done" },
        { type: "unsubscribed", reason: "done" },
      ]);
      await gateway.publish("instances/a", { status: `after-${transport}` });
      expect((await many.count("instances", 2))[1]).toMatchObject({ status: `after-${transport}` });
    });
  });
});

describe("A WebSocket with many streams", () => {
  let gateway: Gateway;
  let client: MuxClient;

  beforeAll(async () => {
    gateway = await startGateway();
  });

  afterAll(() => gateway.close());

  async function connect(streams: readonly string[] = []): Promise<MuxClient> {
    client = muxOverWebSocket({ url: gateway.url, streams });
    await client.opened;
    return client;
  }

  test("resumes each stream from the cursor that its subscription gives", async () => {
    await gateway.publish("runs/resumed", { type: "boot" });
    using first = await connect(["runs/resumed"]);
    const [, boot] = await first.count("runs/resumed", 2);
    first.close();
    await gateway.publish("runs/resumed", { type: "task_start", task_id: "t" });
    using second = await connect();
    second.send({ type: "subscribe", stream: "runs/resumed", since: boot?.cursor });
    second.send({ type: "subscribe", stream: "instances", since: "nonsense" });
    expect(await second.count("runs/resumed", 2)).toMatchObject([
      { type: "resumed", replayed: 1 },
      { type: "task_start" },
    ]);
    expect(await second.count("instances", 1)).toMatchObject([{ type: "snapshot", reason: "expired" }]);
  });

  test("passes a stream its own messages, also before its first frame", async () => {
    using many = await connect(["instances"]);
    many.send({ type: "set_include_archived", stream: "instances", value: true });
    await many.until(() => many.frames("instances").some(({ include_archived }) => include_archived === true));
    expect(many.frames("instances").at(-1)).toMatchObject({ reason: "filter", include_archived: true });
  });

  test("says that it follows a stream already, or does not, and goes on", async () => {
    using many = await connect(["instances", "instances", "runs/u"]);
    many.send({ type: "unsubscribe", stream: "runs/u" });
    many.send({ type: "unsubscribe", stream: "runs/u" });
    many.send({ type: "set_include_archived", stream: "swarm", value: true });
    await many.count("swarm", 1);
    expect(many.frames("instances").find(({ type }) => type === "error")).toMatchObject({ code: "conflict" });
    expect(many.frames("runs/u").filter(({ type }) => type !== "snapshot")).toEqual([
      { type: "unsubscribed" },
      { type: "error", code: "conflict", message: "This stream is not followed here; subscribe to it first" },
    ]);
    expect(many.frames("swarm")).toMatchObject([{ type: "error", code: "conflict" }]);
    await gateway.publish("instances/alive", { status: "up" });
    await many.until(() => many.types("instances").includes("instance_created"));
  });

  test("says nothing more of a stream that was unsubscribed, and begins it anew when it is asked for again", async () => {
    using many = await connect(["runs/again"]);
    await many.count("runs/again", 1);
    many.send({ type: "unsubscribe", stream: "runs/again" });
    await many.count("runs/again", 2);
    await gateway.publish("runs/again", { type: "boot" });
    many.send({ type: "subscribe", stream: "runs/again" });
    await many.count("runs/again", 4);
    expect(many.types("runs/again")).toEqual(["snapshot", "unsubscribed", "snapshot", "boot"]);
  });

  test("answers a ping of the connection", async () => {
    using many = await connect();
    many.send({ type: "ping" });
    expect(await many.count(undefined, 1)).toEqual([{ type: "pong" }]);
  });

  test.each([
    ["no JSON", "hello"],
    ["an unknown type", { type: "dance" }],
    ["an unknown type for a stream", { type: "dance", stream: "instances" }],
    ["a stream that is no text", { type: "subscribe", stream: 5 }],
    ["a cursor that is no text", { type: "subscribe", stream: "runs/x", since: 5 }],
    ["no stream", { type: "unsubscribe" }],
  ])("closes with 1008 after %s", async (_what, message) => {
    using many = await connect(["instances"]);
    await many.count("instances", 1);
    many.send(message);
    expect(await many.ended).toEqual({ code: 1008 });
    expect(many.frames().at(-1)).toMatchObject({ type: "error", code: "invalid_message" });
  });

  test("follows 128 streams and no more, until one is left", async () => {
    const streams = Array.from({ length: 129 }, (_, i) => `runs/limit-${i}`);
    using many = await connect(streams);
    await many.until(() => many.streams.length === 129);
    expect(many.frames("runs/limit-128")).toMatchObject([
      { type: "error", code: "too_many_subscriptions" },
      { type: "unsubscribed", reason: "too_many_subscriptions" },
    ]);
    many.send({ type: "unsubscribe", stream: "runs/limit-0" });
    many.send({ type: "subscribe", stream: "runs/limit-128" });
    expect((await many.count("runs/limit-128", 3))[2]).toMatchObject({ type: "snapshot" });
  });

  test("cannot follow itself", async () => {
    using many = await connect(["", "?stream=instances"]);
    expect((await many.count("", 1))[0]).toMatchObject({ code: "unknown_stream" });
    expect((await many.count("?stream=instances", 1))[0]).toMatchObject({ code: "unknown_stream" });
  });

  test("is told of a query parameter that nobody knows", async () => {
    using many = muxOverWebSocket({ url: gateway.url, path: "ws?x=1" });
    expect(await many.ended).toEqual({ code: 4400 });
    expect(many.frames()).toMatchObject([{ type: "error", code: "bad_query" }]);
  });

  test("may name its first streams in its address", async () => {
    using many = muxOverWebSocket({ url: gateway.url, path: "ws/?stream=instances&stream=runs%2Fr9" });
    await many.count("instances", 1);
    await many.count("runs/r9", 1);
  });
});

test.each(["poll", "poll?stream=instances", "poll/tasks", "poll/tasks?instance_id=a"])(
  "GET /%s is refused with a reason",
  async (path) => {
    await using gateway = await startGateway();
    const response = await fetch(`${gateway.url}/${path}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ type: "error", code: "bad_query" });
  },
);
