import { describe, expect, test } from "vitest";
import { buses, Scene, withoutCursors } from "../streams/scene.ts";
import { type Client, follow } from "../support/client.ts";

/** The coordinator of the document: its two callbacks publish over HTTP. */
class SwarmCoordinator {
  readonly #scene: Scene;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  updateAgentStatus(agent_id: string, status: string): Promise<number> {
    return this.#scene.gateway.publish(`swarm/agents/${agent_id}`, { status });
  }

  completeTask(task_id: string): Promise<number> {
    return this.#scene.gateway.publish(`swarm/tasks/${task_id}`, { status: "completed" });
  }
}

const timestamp = expect.stringMatching(/^\d{4}-\d\d-\d\dT/);

describe.each(buses)("The dashboard of a swarm, over %s:", (_, open) => {
  test.each(["ws", "sse"] as const)("a client over %s is greeted at once", async (transport) => {
    await using scene = await Scene.open(open);
    using client = follow(transport, scene.gateway.url, "swarm");
    expect(withoutCursors(await client.count(2))).toEqual([
      { type: "connected", data: "Connected to Skein" },
      { type: "snapshot", agents: [], tasks: [] },
    ]);
  });

  test("every dashboard hears what agents and tasks become", async () => {
    await using scene = await Scene.open(open);
    const coordinator = new SwarmCoordinator(scene);
    const dashboards: Client[] = ["ws", "sse", "poll"].map((transport) =>
      follow(transport as "ws", scene.gateway.url, "swarm"),
    );
    await Promise.all(dashboards.map((client) => client.count(2)));
    await coordinator.updateAgentStatus("agent1", "busy");
    await coordinator.completeTask("t21");
    for (const client of dashboards) {
      expect(withoutCursors(await client.count(4)).slice(2)).toEqual([
        { type: "agent_status_changed", agent_id: "agent1", status: "busy", timestamp },
        { type: "task_status_changed", task_id: "t21", status: "completed", timestamp },
      ]);
      client.close();
    }
    using later = follow("ws", scene.gateway.url, "swarm");
    expect((await later.count(2))[1]).toMatchObject({
      agents: [{ agent_id: "agent1", status: "busy" }],
      tasks: [{ task_id: "t21", status: "completed" }],
    });
  });
});
