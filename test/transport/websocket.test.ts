import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { ManualClock } from "../support/clock.ts";
import { startGateway } from "../support/gateway.ts";

/** A WebSocket to a stream, once its first frame is there. */
async function connect(url: string, stream = "instances"): Promise<Talk> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/ws/${stream}`);
  const frames: string[] = [];
  const closed = new Promise<number>((resolve) => socket.on("close", resolve));
  let wake = () => {};
  socket.on("message", (data) => {
    frames.push(String(data));
    wake();
  });
  const next = async (count: number) => {
    while (frames.length < count) await new Promise<void>((resolve) => (wake = resolve));
    return frames[count - 1];
  };
  await next(1);
  return { socket, closed, next };
}

interface Talk {
  readonly socket: WebSocket;
  readonly closed: Promise<number>;
  /** The frame with that number, counted from 1. */
  next(count: number): Promise<string | undefined>;
}

test("A ping is answered with a pong", async () => {
  await using gateway = await startGateway();
  const { socket, next } = await connect(gateway.url);
  socket.send('{"type":"ping"}');
  expect(await next(2)).toBe('{"type":"pong"}');
});

test("A client that says nothing for 90 s is closed with 1001, one that pings is not", async () => {
  const clock = new ManualClock();
  await using gateway = await startGateway({ clock });
  const silent = await connect(gateway.url);
  const talking = await connect(gateway.url);
  const lowLevel = await connect(gateway.url);
  clock.pass(60_000);
  talking.socket.send('{"type":"ping"}');
  await talking.next(2);
  const ponged = new Promise((resolve) => lowLevel.socket.on("pong", resolve));
  lowLevel.socket.ping();
  await ponged;
  clock.pass(31_000);
  expect(await silent.closed).toBe(1001);
  expect([talking.socket.readyState, lowLevel.socket.readyState]).toEqual([WebSocket.OPEN, WebSocket.OPEN]);
});

test.each([
  ["text that is not JSON", "hello", 1008],
  ["JSON that is no object", "[1]", 1008],
  ["an unknown type", '{"type":"dance"}', 1008],
  ["a known type with wrong fields", '{"type":"set_include_archived","value":"yes"}', 1008],
  ["a binary message", Buffer.from('{"type":"ping"}'), 1008],
  ["more than 64 KiB", JSON.stringify({ type: "ping", filler: "x".repeat(65_536) }), 1009],
])("A client that sends %s is closed", async (_what, message, code) => {
  await using gateway = await startGateway();
  const { socket, closed } = await connect(gateway.url);
  socket.send(message);
  expect(await closed).toBe(code);
});

test("An invalid message is answered with what was wrong before the close", async () => {
  await using gateway = await startGateway();
  const { socket, next } = await connect(gateway.url);
  socket.send('{"type":"set_include_archived","value":"yes"}');
  expect(JSON.parse((await next(2)) ?? "")).toMatchObject({
    code: "invalid_message",
    message: expect.stringContaining('"value"'),
  });
});

test("A client that switches archived instances on gets a fresh snapshot and then their changes too", async () => {
  await using gateway = await startGateway();
  await gateway.publish("instances/old", { status: "stopped", archived_at: "2026-01-01T00:00:00Z" });
  const { socket, next } = await connect(gateway.url);
  await gateway.publish("instances/old", { status: "failed", archived_at: "2026-01-01T00:00:00Z" });
  socket.send('{"type":"set_include_archived","value":true}');
  expect(JSON.parse((await next(2)) ?? "")).toMatchObject({
    type: "snapshot",
    reason: "filter",
    include_archived: true,
    instances: [{ name: "old", status: "failed" }],
  });
  await gateway.publish("instances/old", { status: "stopped", archived_at: "2026-01-01T00:00:00Z" });
  expect(JSON.parse((await next(3)) ?? "")).toMatchObject({ type: "status_changed", name: "old", status: "stopped" });
});

test("With archived instances hidden, archiving is an instance's last frame and unarchiving brings it back whole", async () => {
  await using gateway = await startGateway();
  const record = { status: "running", port: 18_801, pid: 7 };
  await gateway.publish("instances/a", record);
  const { next } = await connect(gateway.url);
  await gateway.publish("instances/a", { ...record, archived_at: "2026-01-01T00:00:00Z" });
  await gateway.publish("instances/a", {
    ...record,
    archived_at: "2026-01-01T00:00:00Z",
    status: "stopped",
    pid: null,
  });
  await gateway.publish("instances/a", { ...record, status: "stopped", pid: null });
  expect(JSON.parse((await next(2)) ?? "")).toMatchObject({ type: "instance_archived", name: "a" });
  expect(JSON.parse((await next(3)) ?? "")).toMatchObject({
    type: "instance_unarchived",
    name: "a",
    status: "stopped",
    port: 18_801,
    pid: null,
    archived_at: null,
  });
});

test("A change of several things at once is several frames, and a cut between them resumes between them", async () => {
  await using gateway = await startGateway();
  await gateway.publish("instances/a", { status: "running", pid: 1, port: 1 });
  const { next } = await connect(gateway.url);
  await gateway.publish("instances/a", { status: "stopped", port: 2 });
  const [status, updated] = [JSON.parse((await next(2)) ?? ""), JSON.parse((await next(3)) ?? "")];
  expect([status.type, updated.type]).toEqual(["status_changed", "instance_updated"]);
  const between = await connect(gateway.url, `instances?since=${status.cursor}`);
  expect(JSON.parse((await between.next(1)) ?? "")).toMatchObject({ type: "resumed", replayed: 1 });
  expect(await between.next(2)).toBe(JSON.stringify(updated));
});

test("A request to upgrade anywhere else is refused", async () => {
  await using gateway = await startGateway();
  const socket = new WebSocket(`${gateway.url.replace("http", "ws")}/elsewhere`);
  const refused = new Promise((resolve) =>
    socket.on("unexpected-response", (_sent, { statusCode }) => resolve(statusCode)),
  );
  expect(await refused).toBe(404);
});

test("A plain request to a WebSocket address is told to upgrade", async () => {
  await using gateway = await startGateway();
  const response = await fetch(`${gateway.url}/ws/instances`);
  expect(response.status).toBe(426);
  expect(await response.json()).toMatchObject({ type: "error", code: "upgrade_required" });
});
