import { once } from "node:events";
import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { muxOverEvents } from "./mux-client.ts";

describe("An event stream with many streams", () => {
  let gateway: Gateway;
  let other: Gateway;

  beforeAll(async () => {
    gateway = await startGateway();
    other = await startGateway({ bus: gateway.bus });
    await gateway.publish("instances/a", { status: "running" });
    for (const type of ["boot", "done"]) await gateway.publish("runs/over", { type, outcome: "success" });
  });

  afterAll(async () => {
    await other.close();
    await gateway.close();
  });

  test("resumes all of them from one id, on another gateway and in another order", async () => {
    const streams = ["instances", "runs/x", "runs/y", "tasks/a", "messages"];
    using first = muxOverEvents({ url: gateway.url, streams });
    for (const stream of streams) await first.count(stream, 1);
    await gateway.publish("runs/x", { type: "boot" });
    await first.count("runs/x", 2);
    first.close();
    await gateway.publish("runs/y", { type: "boot" });
    await gateway.publish("instances/a", { status: "stopped" });
    using second = muxOverEvents({ url: other.url, streams: streams.toReversed(), lastEventId: first.id });
    for (const stream of streams) await second.count(stream, 1);
    await second.count("runs/y", 2);
    await second.count("instances", 2);
    for (const stream of streams) expect(second.types(stream)[0]).toBe("resumed");
    expect(second.types("runs/x")).toEqual(["resumed"]);
    expect(second.types("runs/y")).toEqual(["resumed", "boot"]);
    expect(second.frames("instances")[1]).toMatchObject({ type: "status_changed", status: "stopped" });
  });

  test("begins with a snapshot what its id does not know, and resumes the rest", async () => {
    using first = muxOverEvents({ url: gateway.url, streams: ["instances"] });
    await first.count("instances", 1);
    using second = muxOverEvents({
      url: gateway.url,
      path: `sse?stream=runs%2Fnew&stream=instances&since=${first.id}`,
    });
    expect((await second.count("instances", 1))[0]).toMatchObject({ type: "resumed" });
    expect((await second.count("runs/new", 1))[0]).toMatchObject({ type: "snapshot", reason: "expired" });
  });

  test.each(["nonsense", "v1_", "v2_a.0123456789", "3b7171d93602-5", "v1_zzz.0123456789abc"])(
    "begins with snapshots when its id is %s",
    async (lastEventId) => {
      using many = muxOverEvents({ url: gateway.url, streams: ["instances", "messages"], lastEventId });
      expect((await many.count("instances", 1))[0]).toMatchObject({ type: "snapshot", reason: "expired" });
      expect((await many.count("messages", 1))[0]).toMatchObject({ type: "snapshot", reason: "expired" });
    },
  );

  test("is told its place by every frame that has one", async () => {
    using many = muxOverEvents({ url: gateway.url, streams: ["instances", "nope"] });
    await many.count("instances", 1);
    await many.count("nope", 2);
    for (const { stream, id } of many.told) expect(id === undefined).toBe(stream === "nope");
  });

  test("is refused with the status of the first one when all are refused", async () => {
    const address = (query: string) => `${gateway.url}/sse?${query}`;
    for (const [query, status, code] of [
      ["stream=nope&stream=instances%3Fx%3D1", 404, "unknown_stream"],
      ["stream=instances%3Fx%3D1&stream=nope", 400, "bad_query"],
      ["", 400, "bad_query"],
      ["stream=instances&colour=red", 400, "bad_query"],
      ["stream=", 404, "unknown_stream"],
    ] as const) {
      const response = await fetch(address(query));
      expect([response.status, await response.json()]).toMatchObject([status, { type: "error", code }]);
    }
  });

  test("ends when all of them are over, and is not begun again", async () => {
    using many = muxOverEvents({ url: gateway.url, streams: ["runs/over", "nope"] });
    expect(await many.ended).toEqual({ code: 0 });
    expect(many.types("runs/over")).toEqual(["snapshot", "boot", "done", "unsubscribed"]);
    using again = muxOverEvents({ url: gateway.url, streams: ["runs/over"], lastEventId: many.id });
    expect(await again.ended).toEqual({ code: 204 });
  });

  test("answers HEAD with its headers", async () => {
    const sent = request(`${gateway.url}/sse?stream=instances`, { method: "HEAD" }).end();
    const [response] = await once(sent, "response");
    expect(response.statusCode).toBe(200);
    expect(response.headers["content-type"]).toBe("text/event-stream; charset=utf-8");
  });

  test("names a stream twice and follows it once; of 129 it refuses the last", async () => {
    const streams = Array.from({ length: 129 }, (_, i) => `runs/limit-${i}`);
    using many = muxOverEvents({ url: gateway.url, streams: ["runs/limit-0", ...streams] });
    await many.until(() => many.streams.length === 129);
    expect(many.frames("runs/limit-128")).toMatchObject([
      { type: "error", code: "too_many_subscriptions" },
      { type: "unsubscribed" },
    ]);
    expect(many.types("runs/limit-0")).toEqual(["snapshot"]);
  });
});
