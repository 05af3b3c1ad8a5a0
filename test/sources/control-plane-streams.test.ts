import { appendFileSync, renameSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { LogsAgent } from "../../src/logs/agent.ts";
import { diskFiles } from "../../src/logs/disk.ts";
import { LogPattern } from "../../src/logs/pattern.ts";
import { Redaction } from "../../src/logs/redact.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { buses, Scene, withoutCursors } from "../streams/scene.ts";
import { type Client, follow } from "../support/client.ts";
import { LogDirectory } from "../support/logs.ts";

const timestamp = expect.stringMatching(/^\d{4}-\d\d-\d\dT/);
const running = { status: "running", port: 18801, pid: 12345 };

describe.each(buses)("The streams of the control plane, over %s:", (_, open) => {
  const ws = ({ gateway }: Scene, path: string) => follow("ws", gateway.url, path);
  const set = ({ gateway }: Scene, name: string, record: object | null) => gateway.publish(`instances/${name}`, record);

  test("instances: a snapshot at once, then every change, archived ones when they are asked for", async () => {
    await using scene = await Scene.open(open);
    await set(scene, "agent-1", running);
    using client = ws(scene, "instances");
    expect(withoutCursors(await client.count(1))).toEqual([
      {
        type: "snapshot",
        instances: [{ name: "agent-1", ...running, archived_at: null }],
        include_archived: false,
      },
    ]);
    await set(scene, "agent-1", { ...running, status: "stopped", pid: null });
    await set(scene, "agent-2", { status: "stopped", port: 18802 });
    await set(scene, "agent-1", { status: "stopped", port: 18801, archived_at: "2026-02-20T01:25:00Z" });
    expect(withoutCursors(await client.count(4)).slice(1)).toMatchObject([
      { type: "status_changed", name: "agent-1", status: "stopped", pid: null, timestamp },
      { type: "instance_created", name: "agent-2", port: 18802, status: "stopped", timestamp },
      { type: "instance_archived", name: "agent-1", timestamp },
    ]);
    client.send({ type: "set_include_archived", value: true });
    const [, , , , shown] = await client.count(5);
    expect(shown).toMatchObject({ type: "snapshot", include_archived: true });
    expect(shown?.instances).toHaveLength(2);
    await set(scene, "agent-1", null);
    expect((await client.count(6))[5]).toMatchObject({ type: "instance_deleted", name: "agent-1" });
  });

  test("logs: a backlog, the lines as they are written, and a rotation", async () => {
    await using scene = await Scene.open(open);
    using directory = new LogDirectory();
    const file = directory.fileOf("my-agent");
    const lines = ["2026-02-20 01:00:00 INFO Starting...", "2026-02-20 01:00:01 INFO Ready"];
    appendFileSync(file, `${lines.join("\n")}\n`);
    const agent = new LogsAgent({
      bus: scene.bus,
      org: "default",
      pattern: new LogPattern(directory.fileOf("{name}")),
      files: diskFiles,
      clock: systemClock,
      redaction: new Redaction([]),
      limits: {},
    });
    await agent.start();
    await set(scene, "my-agent", running);
    using client = ws(scene, "instances/my-agent/logs?backlog=50");
    expect(withoutCursors(await client.count(1))).toEqual([{ type: "backlog", lines, count: 2 }]);
    appendFileSync(file, "2026-02-20 01:23:45 INFO Request handled\n");
    expect(withoutCursors(await client.count(2))[1]).toEqual({
      type: "lines",
      lines: ["2026-02-20 01:23:45 INFO Request handled"],
      count: 1,
    });
    renameSync(file, `${file}.1`);
    appendFileSync(file, "after\n");
    const frames = await client.until((seen) => seen.some(({ lines: said }) => String(said) === "after"));
    expect(frames.filter(({ type }) => type === "rotated")).toHaveLength(1);
    await agent.close();
  });

  test("logs: of no instance there is an error and 4404, and a bad backlog is 4400", async () => {
    await using scene = await Scene.open(open);
    using nobody = ws(scene, "instances/nonexistent/logs");
    expect(await nobody.ended).toEqual({ code: 4404 });
    expect(nobody.frames).toEqual([
      { type: "error", code: "instance_not_found", message: expect.stringContaining("nonexistent") },
    ]);
    using greedy = ws(scene, "instances/agent-1/logs?backlog=1001");
    expect(await greedy.ended).toEqual({ code: 4400 });
  });

  test("messages: recent events, then each one, by instance and by correlation, never a payload", async () => {
    await using scene = await Scene.open(open);
    const event = { from: "agent-1", to: "agent-2", message_type: "task.handoff", payload: "canary-8d" };
    await scene.gateway.publish("messages/uuid", { ...event, event: "delivered" });
    using all = ws(scene, "messages");
    using byInstance = ws(scene, "messages?instance=agent-3");
    using byChain = ws(scene, "messages?correlation_id=c9");
    const clients: Client[] = [all, byInstance, byChain];
    await Promise.all(clients.map((client) => client.count(1)));
    const metadata = { message_id: "uuid", from: "agent-1", to: "agent-2", message_type: "task.handoff" };
    const [snapshot] = all.frames;
    expect(snapshot?.recent_events).toEqual([{ ...metadata, event: "delivered", detail: null, timestamp }]);
    await scene.gateway.publish("messages/uuid", { ...event, event: "acknowledged" });
    await scene.gateway.publish("messages/other", { ...event, to: "agent-3", event: "sent" });
    await scene.gateway.publish("messages/third", { ...event, event: "failed", correlation_id: "c9" });
    expect(withoutCursors(await all.count(4))[1]).toEqual({
      type: "message_event",
      ...metadata,
      event: "acknowledged",
      detail: null,
      timestamp,
    });
    expect((await byInstance.count(2))[1]).toMatchObject({ type: "message_event", to: "agent-3" });
    expect((await byChain.count(2))[1]).toMatchObject({ type: "message_event", correlation_id: "c9" });
    for (const { raw } of clients) expect(raw.join()).not.toContain("canary");
  });

  test("all of them: pings are answered, nonsense is 1008, and a shutdown is 1001", async () => {
    await using scene = await Scene.open(open);
    for (const path of ["instances", "messages"]) {
      const socket = new WebSocket(`${scene.gateway.url.replace("http", "ws")}/ws/${path}`);
      const pong = new Promise((resolve) => {
        socket.onmessage = ({ data }) => String(data).includes("pong") && resolve(JSON.parse(String(data)));
      });
      socket.onopen = () => socket.send('{"type":"ping"}');
      expect(await pong).toEqual({ type: "pong" });
      const closed = new Promise((resolve) => {
        socket.onclose = ({ code }) => resolve(code);
      });
      socket.send("nonsense");
      expect(await closed).toBe(1008);
    }
    using client = ws(scene, "instances");
    await client.count(1);
    await scene.gateway.close();
    expect(await client.ended).toEqual({ code: 1001 });
  });
});
