import { describe, expect, test } from "vitest";
import { ManualClock } from "../support/clock.ts";
import { startGateway } from "../support/gateway.ts";
import { bearer, enforced, token } from "../support/tokens.ts";
import { muxOverEvents, muxOverWebSocket } from "./mux-client.ts";

const opened = { ws: muxOverWebSocket, sse: muxOverEvents };
const unlimited = { principal: 0, address: 0, org: 0 };
const noQuotas = {
  connections: unlimited,
  connects: unlimited,
  subscriptions: unlimited,
  subscribes: unlimited,
  messages: unlimited,
  reads: unlimited,
  readBytes: unlimited,
  publishes: unlimited,
  publishBytes: unlimited,
};

describe.each(["ws", "sse"] as const)("The token of many streams over %s", (transport) => {
  test("ends the whole connection when it ends", async () => {
    await using gateway = await startGateway({ auth: enforced });
    const exp = Date.now() / 1000 + 1;
    const streams = ["instances", "messages"];
    using many = opened[transport]({ url: gateway.url, streams, token: await token({ exp }) });
    for (const stream of streams) await many.count(stream, 1);
    expect(await many.ended).toEqual({ code: transport === "ws" ? 4401 : 0 });
    expect(many.frames()).toMatchObject([{ type: "token_expiring" }, { type: "error", code: "token_expired" }]);
  });

  test("ends the whole connection when it is revoked", async () => {
    await using gateway = await startGateway({ auth: enforced });
    const jti = `many-${transport}`;
    using many = opened[transport]({ url: gateway.url, streams: ["instances", "tasks"], token: await token({ jti }) });
    await many.count("instances", 1);
    const body = JSON.stringify({ jti, expires_at: new Date(Date.now() + 3_600_000).toISOString() });
    const headers = bearer(await token());
    const revoked = await fetch(`${gateway.url}/api/revocations`, { method: "POST", headers, body });
    expect(revoked.status).toBe(204);
    expect(await many.ended).toEqual({ code: transport === "ws" ? 4401 : 0 });
    expect(many.frames()).toMatchObject([{ type: "error", code: "token_revoked" }]);
  });

  test("limits every stream by itself", async () => {
    await using gateway = await startGateway({ auth: enforced });
    const publisher = await token();
    for (const name of ["mine", "yours"]) await gateway.publish(`instances/${name}`, { status: "up" }, publisher);
    const streams = ["instances", "tasks/mine", "tasks/yours", "mission?crew=yours"];
    const limited = await token({ instances: ["mine"], crews: ["mine"], roles: ["viewer"] });
    using many = opened[transport]({ url: gateway.url, streams, token: limited });
    const [snapshot] = await many.count("instances", 1);
    expect(snapshot?.instances).toMatchObject([{ name: "mine" }]);
    await many.count("tasks/mine", 1);
    expect((await many.count("tasks/yours", 1))[0]).toMatchObject({ type: "error", code: "forbidden" });
    expect((await many.count("mission?crew=yours", 1))[0]).toMatchObject({ type: "error", code: "forbidden" });
  });

  test("may be a ticket for many streams, once", async () => {
    await using gateway = await startGateway({ auth: enforced });
    const asked = { method: "POST", headers: bearer(await token()), body: JSON.stringify({ stream: "/" }) };
    const { ticket } = (await (await fetch(`${gateway.url}/api/tickets`, asked)).json()) as { ticket: string };
    const path = `${transport}?ticket=${ticket}&stream=instances`;
    using many = opened[transport]({ url: gateway.url, path });
    await many.count("instances", 1);
    using again = opened[transport]({ url: gateway.url, path });
    expect((await again.ended).code).not.toBe(200);
    expect(again.frames("instances")).toEqual([]);
  });
});

test("A WebSocket with many streams goes on with a newer token", async () => {
  await using gateway = await startGateway({ auth: enforced });
  const first = await token({ exp: Date.now() / 1000 + 1.5 });
  using many = muxOverWebSocket({ url: gateway.url, streams: ["instances"], token: first });
  await many.until(() => many.types().includes("token_expiring"));
  many.send({ type: "auth", token: await token() });
  await many.until(() => many.types().includes("authenticated"));
  many.send({ type: "subscribe", stream: "messages" });
  await many.count("messages", 1);
});

describe("Quotas", () => {
  const two = { ...unlimited, principal: 2 };

  test("of streams followed at once refuse one stream, and are given back with each that ends", async () => {
    await using gateway = await startGateway({ auth: enforced, quotas: { ...noQuotas, subscriptions: two } });
    const bearerToken = await token();
    const streams = ["instances", "runs/q1", "runs/q2"];
    using many = muxOverWebSocket({ url: gateway.url, streams, token: bearerToken });
    expect((await many.count("runs/q2", 1))[0]).toMatchObject({ code: "too_many_subscriptions", retry_after: 1 });
    many.send({ type: "unsubscribe", stream: "instances" });
    many.send({ type: "subscribe", stream: "runs/q2" });
    await many.until(() => many.types("runs/q2").includes("snapshot"));
    await gateway.publish("runs/q1", { type: "done", outcome: "success" }, bearerToken);
    await many.until(() => many.types("runs/q1").includes("unsubscribed"));
    many.send({ type: "subscribe", stream: "messages" });
    await many.until(() => many.types("messages").includes("snapshot"));
  });

  test("of streams asked for a second refuse one stream as well", async () => {
    await using gateway = await startGateway({ auth: enforced, quotas: { ...noQuotas, subscribes: two } });
    // The connection itself is one of the twenty that may be asked for at once.
    const streams = Array.from({ length: 30 }, (_, i) => `runs/rate-${i}`);
    using many = muxOverWebSocket({ url: gateway.url, streams, token: await token() });
    await many.until(() => many.streams.length === 30);
    const refused = streams.filter((stream) => many.types(stream)[0] === "error");
    expect(refused.length).toBeGreaterThanOrEqual(10);
    expect(refused.length).toBeLessThan(13);
  });

  test("of messages end the connection", async () => {
    await using gateway = await startGateway({ auth: enforced, quotas: { ...noQuotas, messages: two } });
    using many = muxOverWebSocket({ url: gateway.url, token: await token() });
    await many.opened;
    for (let i = 0; i < 25; i++) many.send({ type: "ping" });
    expect(await many.ended).toEqual({ code: 4429 });
  });
});

test("A client of many streams that says nothing is closed, and an event stream is sent pings", async () => {
  const clock = new ManualClock();
  await using gateway = await startGateway({ clock });
  using ws = muxOverWebSocket({ url: gateway.url, streams: ["instances"] });
  using sse = muxOverEvents({ url: gateway.url, streams: ["instances"] });
  await ws.count("instances", 1);
  await sse.count("instances", 1);
  clock.pass(91_000);
  expect(await ws.ended).toEqual({ code: 1001 });
  await sse.until(() => sse.pings > 0);
});

test("A shutdown ends the whole connection", async () => {
  const gateway = await startGateway();
  using ws = muxOverWebSocket({ url: gateway.url, streams: ["instances", "tasks"] });
  using sse = muxOverEvents({ url: gateway.url, streams: ["instances", "tasks?instance_id=a"] });
  await ws.count("tasks", 1);
  await sse.count("tasks?instance_id=a", 2);
  await gateway.close();
  expect(await ws.ended).toEqual({ code: 1001 });
  expect(await sse.ended).toEqual({ code: 0 });
});
