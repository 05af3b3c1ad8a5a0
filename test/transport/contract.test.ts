import { describe, expect, test } from "vitest";
import { follow, transports } from "../support/client.ts";
import { startGateway } from "../support/gateway.ts";

describe.each(transports)("A client over %s", (transport) => {
  test("gets an empty snapshot at once when there is nothing yet", async () => {
    await using gateway = await startGateway();
    using client = follow(transport, gateway.url, "instances");
    const [first] = await client.count(1);
    expect(first).toMatchObject({ type: "snapshot", instances: [], include_archived: false });
    expect(first).not.toHaveProperty("reason");
  });

  test("gets every change after the snapshot, in order and once", async () => {
    await using gateway = await startGateway();
    await gateway.publish("instances/a", { status: "running", pid: 1 });
    using client = follow(transport, gateway.url, "instances");
    await client.count(1);
    await gateway.publish("instances/b", { status: "stopped", port: 18802 });
    await gateway.publish("instances/a", { status: "stopped", pid: null });
    await gateway.publish("instances/b", null);
    const frames = await client.count(4);
    expect(frames.map(({ type, name }) => [type, name])).toEqual([
      ["snapshot", undefined],
      ["instance_created", "b"],
      ["status_changed", "a"],
      ["instance_deleted", "b"],
    ]);
  });

  test("resumes from a cursor with exactly what it missed", async () => {
    await using gateway = await startGateway();
    await gateway.publish("runs/r1", { type: "boot" });
    const before = follow(transport, gateway.url, "runs/r1");
    await before.count(2);
    before.close();
    await gateway.publish("runs/r1", { type: "task_start", task: 1 });
    await gateway.publish("runs/r1", { type: "task_end", task: 1 });
    using after = follow(transport, gateway.url, `runs/r1?since=${before.cursor}`);
    const missed = await after.until((frames) => frames.some(({ type }) => type === "task_end"));
    const types = missed.map(({ type }) => type);
    // A poller sees by the answer itself that it was resumed.
    expect(types).toEqual(transport === "poll" ? ["task_start", "task_end"] : ["resumed", "task_start", "task_end"]);
  });

  test.each(["nonsense", "zzzz-1", "0-0"])("with the cursor %s gets a fresh snapshot that says why", async (cursor) => {
    await using gateway = await startGateway();
    await gateway.publish("instances/a", { status: "running" });
    using client = follow(transport, gateway.url, `instances?since=${cursor}`);
    const [first] = await client.count(1);
    expect(first).toMatchObject({ type: "snapshot", reason: "expired", instances: [{ name: "a" }] });
  });

  test("follows a run from its first frame to its end, which closes the connection", async () => {
    await using gateway = await startGateway();
    using client = follow(transport, gateway.url, "runs/r1");
    expect(await client.count(1)).toMatchObject([{ type: "snapshot", count: 0 }]);
    for (const type of ["boot", "agent_start", "agent_end", "done"]) await gateway.publish("runs/r1", { type });
    const frames = await client.count(5);
    expect(frames.map(({ type }) => type)).toEqual(["snapshot", "boot", "agent_start", "agent_end", "done"]);
    if (transport !== "poll") expect(await client.ended).toEqual({ code: transport === "ws" ? 1000 : 0 });
  });

  test("of a run that is over gets all of it and then the end", async () => {
    await using gateway = await startGateway();
    for (const type of ["boot", "error", "done", "boot"]) await gateway.publish("runs/r1", { type });
    using client = follow(transport, gateway.url, "runs/r1");
    const frames = await client.count(4);
    expect(frames.map(({ type }) => type)).toEqual(["snapshot", "boot", "error", "done"]);
    expect(frames[0]).toMatchObject({ count: 3 });
    if (transport !== "poll") expect(await client.ended).toEqual({ code: transport === "ws" ? 1000 : 0 });
  });

  test("sees only the messages that its filter names, in the snapshot and live", async () => {
    await using gateway = await startGateway();
    const message = { event: "sent", message_type: "task.handoff", payload: "secret" };
    await gateway.publish("messages/m1", { ...message, from: "a", to: "b" });
    await gateway.publish("messages/m2", { ...message, from: "b", to: "c", correlation_id: "x" });
    using client = follow(transport, gateway.url, "messages?instance=a");
    expect(await client.count(1)).toMatchObject([{ recent_events: [{ message_id: "m1", from: "a", to: "b" }] }]);
    await gateway.publish("messages/m3", { ...message, from: "c", to: "b" });
    await gateway.publish("messages/m4", { ...message, from: "c", to: "a" });
    const frames = await client.count(2);
    expect(frames[1]).toMatchObject({ type: "message_event", message_id: "m4", detail: null });
    expect(client.raw.join()).not.toContain("secret");
  });

  test("is told which query parameter is wrong", async () => {
    await using gateway = await startGateway();
    using client = follow(transport, gateway.url, "messages?recent=501");
    expect(await client.ended).toEqual({ code: transport === "ws" ? 4400 : 400 });
    expect(client.frames).toEqual([
      { type: "error", code: "bad_query", message: 'Query parameter "recent": must be a whole number from 0 to 500' },
    ]);
  });

  test("is told that a stream does not exist", async () => {
    await using gateway = await startGateway();
    using client = follow(transport, gateway.url, "nope");
    expect(await client.ended).toEqual({ code: transport === "ws" ? 4404 : 404 });
    expect(client.frames).toEqual([{ type: "error", code: "unknown_stream", message: 'No stream "nope"' }]);
  });
});
