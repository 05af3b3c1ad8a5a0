import { describe, expect, test } from "vitest";
import { type Seen, type Transport, transports } from "../support/client.ts";
import { token } from "../support/tokens.ts";
import { buses, Scene, withoutCursors } from "./scene.ts";

const connected = { type: "connected", data: "Connected to Skein" };
const timestamp = expect.stringMatching(/^\d{4}-\d\d-\d\dT/);

describe.each(buses)("A swarm, over %s,", (_, open) => {
  test.each(transports)("is told over %s with all its agents and tasks, then with each change", async (transport) => {
    await using scene = await Scene.open(open);
    await scene.place("swarm/agents/a1", { status: "idle", model: "small" });
    await scene.place("swarm/tasks/t1", { status: "pending" });
    using client = scene.follow(transport, "swarm");
    const first = await client.count(2);
    const agents = [{ agent_id: "a1", status: "idle", model: "small" }];
    expect(withoutCursors(first)).toEqual([
      connected,
      { type: "snapshot", agents, tasks: [{ task_id: "t1", status: "pending" }] },
    ]);
    expect(first.map(({ cursor }) => cursor !== undefined)).toEqual([false, true]);
    await scene.publish("swarm/agents/a1", { status: "busy" });
    await scene.publish("swarm/agents/a1", { status: "busy" });
    await scene.publish("swarm/tasks/t1", { status: "completed" });
    await scene.publish("swarm/tasks/t1", null);
    expect(withoutCursors(await client.count(5)).slice(2)).toEqual([
      { type: "agent_status_changed", agent_id: "a1", status: "busy", timestamp },
      { type: "task_status_changed", task_id: "t1", status: "completed", timestamp },
      { type: "task_status_changed", task_id: "t1", status: null, timestamp },
    ]);
  });

  test.each<Transport>(["ws", "sse"])("is resumed over %s where a client was", async (transport) => {
    await using scene = await Scene.open(open);
    await scene.place("swarm/agents/a1", { status: "idle" });
    const before = scene.follow(transport, "swarm");
    await before.count(2);
    before.close();
    await scene.publish("swarm/agents/a1", { status: "busy" });
    using after = scene.follow(transport, `swarm?since=${before.cursor}`);
    const frames = await after.count(2);
    expect(frames.map(({ type }) => type)).toEqual(["resumed", "agent_status_changed"]);
  });

  test("is that of the org, and one may look at it without a token where everybody may do everything", async () => {
    await using scene = await Scene.open(open);
    await scene.publish("swarm/agents/a1", { status: "idle" });
    const nothing = [connected, { type: "snapshot", agents: [], tasks: [] }];
    using stranger = scene.follow("sse", "swarm", await token({ org: "globex" }));
    expect(withoutCursors(await stranger.count(2))).toEqual(nothing);
    const answer = await fetch(`${scene.gateway.url}/poll/swarm`);
    const frames: Seen[] = JSON.parse(await answer.text());
    expect(withoutCursors(frames)).toEqual(nothing);
  });
});
