import { describe, expect, test } from "vitest";
import { buses, Scene, withoutCursors } from "../streams/scene.ts";
import { type Client, follow, type Seen } from "../support/client.ts";
import { ManualClock } from "../support/clock.ts";
import { token } from "../support/tokens.ts";

/** The three clients of the frontend, as they are written there: listeners that look at `event.type`. */
class CrewSocket {
  readonly events: Seen[] = [];
  readonly closed: Promise<number>;
  readonly #socket: WebSocket;
  #wake = () => {};

  constructor(address: string, protocols: string[] = []) {
    this.#socket = new WebSocket(address, protocols);
    this.#socket.onmessage = ({ data }) => {
      this.events.push(JSON.parse(String(data)));
      this.#wake();
    };
    this.closed = new Promise((resolve) => {
      this.#socket.onclose = ({ code }) => resolve(code);
    });
  }

  /** Which subprotocol the server has selected. */
  get protocol(): string {
    return this.#socket.protocol;
  }

  async of(type: string, count = 1): Promise<Seen[]> {
    for (;;) {
      const found = this.events.filter((event) => event.type === type);
      if (found.length >= count) return found;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  disconnect(): void {
    this.#socket.close();
  }
}

const timestamp = "2025-11-17T10:30:00Z";
const start = {
  type: "tool_start",
  timestamp,
  crew_id: "abc123",
  run_id: "run456",
  agent_id: "orion",
  tool: "git_clone",
  params: { url: "https://example.com/a.git", branch: "main" },
};
const progress = { type: "tool_progress", tool: "pytest", message: "Running test suite...", progress: 0.65 };
const end = { type: "tool_end", tool: "git_clone", duration_s: 2.345, exit_code: 0, status: "success" };

describe.each(buses)("The crew events of the frontend, over %s:", (_, open) => {
  const at = ({ gateway }: Scene, path: string) => `${gateway.url.replace("http", "ws")}/ws/${path}`;

  test("RunWebSocket follows a run without a token and is closed when it is done", async () => {
    await using scene = await Scene.open(open);
    const run = new CrewSocket(at(scene, "runs/run456"));
    await run.of("snapshot");
    const types = ["boot", "agent_start", "task_start", "task_end", "error", "agent_end", "done"];
    for (const type of types) await scene.gateway.publish("runs/run456", { type, timestamp });
    expect(await run.closed).toBe(1000);
    expect(withoutCursors(run.events.slice(1))).toEqual(types.map((type) => ({ type, timestamp, run_id: "run456" })));
  });

  test("MissionWebSocket shows its token as subprotocol and is told the status of its crews", async () => {
    await using scene = await Scene.open(open);
    const mission = new CrewSocket(at(scene, "mission"), ["token", scene.token]);
    await mission.of("snapshot");
    expect(mission.protocol).toBe("token");
    for (const status of ["available", "busy", "offline"]) await scene.publish("mission/abc123", { status });
    const signals = await mission.of("signal", 3);
    const wanted = ["available", "busy", "offline"].map((status) => ({
      type: "signal",
      payload: { status, crewId: "abc123" },
    }));
    expect(withoutCursors(signals)).toEqual(wanted);
    mission.disconnect();
  });

  test("GraphWebSocket is told of the tools of its crew, and pinged", async () => {
    const clock = new ManualClock(Date.now());
    await using scene = await Scene.open(open, clock);
    const graph = new CrewSocket(at(scene, "graph?crew=abc123"), ["token", scene.token]);
    const [snapshot] = await graph.of("snapshot");
    expect(snapshot?.active).toEqual([]);
    for (const event of [start, progress, end]) await scene.publish("graph/abc123", event);
    await scene.publish("graph/other", { ...start, crew_id: "other" });
    expect(withoutCursors(await graph.of("tool_start"))).toEqual([start]);
    expect(await graph.of("tool_progress")).toMatchObject([progress]);
    expect(await graph.of("tool_end")).toMatchObject([end]);
    clock.pass(20_000);
    await graph.of("ping");
    for (const status of ["error", "completed_with_errors"]) await scene.publish("graph/abc123", { ...end, status });
    expect((await graph.of("tool_end", 3)).map(({ status }) => status)).toEqual([
      "success",
      "error",
      "completed_with_errors",
    ]);
    graph.disconnect();
  });

  test("whoever has no token, a wrong one or one that has expired is closed with 4401", async () => {
    await using scene = await Scene.open(open);
    const expired = await token({ exp: Date.now() / 1000 - 60 });
    for (const path of ["mission", "graph"]) {
      for (const protocols of [[], ["token", "no.such.token"], ["token", expired]]) {
        expect(await new CrewSocket(at(scene, path), protocols).closed).toBe(4401);
      }
    }
  });

  test("users see the crews of their org only", async () => {
    await using scene = await Scene.open(open);
    const stranger = new CrewSocket(at(scene, "mission"), ["token", await token({ org: "globex" })]);
    const own = new CrewSocket(at(scene, "mission"), ["token", scene.token]);
    await Promise.all([stranger.of("snapshot"), own.of("snapshot")]);
    await scene.publish("mission/abc123", { status: "busy" });
    await own.of("signal");
    await scene.gateway.publish("mission/theirs", { status: "busy" }, await token({ org: "globex" }));
    expect(withoutCursors(await stranger.of("signal"))).toEqual([
      { type: "signal", payload: { status: "busy", crewId: "theirs" } },
    ]);
    for (const one of [stranger, own]) one.disconnect();
  });

  test("the status of a crew is said again every 45 seconds", async () => {
    const clock = new ManualClock(Date.now());
    await using scene = await Scene.open(open, clock);
    await scene.publish("mission/abc123", { status: "available" });
    using client: Client = follow("sse", scene.gateway.url, "mission", scene.token);
    await client.count(2);
    clock.pass(45_000);
    expect(withoutCursors(await client.count(3))[2]).toEqual({
      type: "signal",
      payload: { status: "available", crewId: "abc123" },
    });
  });
});
