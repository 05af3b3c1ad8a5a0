import { describe, expect, test } from "vitest";
import { follow, type Seen, transports } from "../support/client.ts";
import { ManualClock } from "../support/clock.ts";
import { token } from "../support/tokens.ts";
import { buses, Scene, withoutCursors } from "./scene.ts";

const timestamp = "2025-11-17T10:30:00Z";
const clone = {
  type: "tool_start",
  timestamp,
  run_id: "run456",
  agent_id: "orion",
  tool: "git_clone",
  params: { url: "https://example.com/a.git", branch: "main" },
};

/** The tools at work that the first frame names, by the names of their calls or their own. */
function active([first]: readonly Seen[]): unknown[] {
  const calls = (first?.active ?? []) as { call_id?: string; tool: string }[];
  return calls.map(({ call_id, tool }) => call_id ?? tool);
}

async function activeNow(scene: Scene, query = ""): Promise<unknown[]> {
  using client = scene.follow("poll", `graph${query}`);
  return active(await client.count(1));
}

describe.each(buses)("Tools, over %s,", (_, open) => {
  test.each(transports)("that are at work come first over %s, then all that happens", async (transport) => {
    await using scene = await Scene.open(open);
    await scene.publish("graph/c1", clone);
    await scene.publish("graph/c1", { type: "tool_start", tool: "pytest", run_id: "run456", agent_id: "orion" });
    await scene.place("graph/c1", {
      type: "tool_end",
      tool: "pytest",
      status: "success",
      duration_s: 1,
      exit_code: 0,
    });
    using client = scene.follow(transport, "graph");
    const start = { ...clone, crew_id: "c1" };
    expect(withoutCursors(await client.count(1))).toEqual([{ type: "snapshot", active: [start] }]);
    const progress = { type: "tool_progress", timestamp, tool: "git_clone", message: "Half of it", progress: 0.5 };
    const end = { type: "tool_end", timestamp, tool: "git_clone", duration_s: 2.345, exit_code: 0, status: "success" };
    await scene.publish("graph/c1", progress);
    await scene.publish("graph/c1", end);
    const told = withoutCursors(await client.count(3)).slice(1);
    expect(told).toEqual([progress, end].map((event) => ({ ...event, crew_id: "c1" })));
    expect(await activeNow(scene)).toEqual([]);
  });

  test("are told apart by their calls, and without those by crew, run, agent and tool", async () => {
    await using scene = await Scene.open(open);
    const start = (crew: string, more: object) =>
      scene.place(`graph/${crew}`, { type: "tool_start", tool: "t", ...more });
    const end = (crew: string, more: object) =>
      scene.place(`graph/${crew}`, { type: "tool_end", tool: "t", status: "error", ...more });
    await start("c1", { call_id: "a" });
    await start("c1", { call_id: "b" });
    await start("c2", { call_id: "a" });
    await end("c1", { call_id: "a" });
    expect(await activeNow(scene, "?crew=c1")).toEqual(["b"]);
    await end("c1", { tool: "t" });
    expect(await activeNow(scene, "?crew=c1")).toEqual([]);
    expect(await activeNow(scene)).toEqual(["a"]);
    await start("c3", { agent_id: "x", tool: "x" });
    await start("c3", { agent_id: "y", tool: "x" });
    await end("c3", { agent_id: "y", tool: "x" });
    using client = scene.follow("poll", "graph?crew=c3");
    expect(await client.count(1)).toMatchObject([{ active: [{ agent_id: "x" }] }]);
    // Whoever begins again has not ended, and is one.
    await start("c3", { agent_id: "x", tool: "x" });
    expect(await activeNow(scene, "?crew=c3")).toEqual(["x"]);
  });

  test("show no secrets among their parameters, live, in the snapshot, after a resume and in reports of rejected ones", async () => {
    await using scene = await Scene.open(open);
    using live = scene.follow("ws", "graph");
    await live.count(1);
    const secret = "canary-77b1";
    const params = {
      password: secret,
      list: [{ api_key: secret, deep: [{ "X-Auth-Token": secret }] }],
      env: { GITHUB_TOKEN: secret, PATH: "/bin" },
      url: `https://user:${secret}@example.com/a.git`,
      max_tokens: 100,
      key: "id",
    };
    await scene.publish("graph/c1", { type: "tool_start", tool: "deploy", params, env: params.env });
    await live.count(2);
    using snapshot = scene.follow("poll", "graph");
    await snapshot.count(1);
    using resumed = scene.follow("sse", `graph?since=${live.frames[0]?.cursor}`);
    await resumed.count(2);
    const shown = {
      password: "***",
      list: [{ api_key: "***", deep: [{ "X-Auth-Token": "***" }] }],
      env: { GITHUB_TOKEN: "***", PATH: "/bin" },
      url: "https://***@example.com/a.git",
      max_tokens: 100,
      key: "id",
    };
    expect(live.frames[1]?.params).toEqual(shown);
    expect(live.frames[1]?.env).toEqual(shown.env);
    expect(snapshot.frames).toMatchObject([{ active: [{ params: shown }] }]);
    expect(resumed.frames[1]?.params).toEqual(shown);
    await scene.publish("graph/c1", { type: "tool_end", tool: "deploy", status: "success", output: params });
    expect((await live.count(3))[2]?.output).toEqual(shown);
    for (const { raw } of [live, snapshot, resumed]) expect(raw.join()).not.toContain(secret);
  });

  test("of one crew are told to whoever asks for that, and to whoever may see no other", async () => {
    await using scene = await Scene.open(open);
    using asking = scene.follow("ws", "graph?crew=c2");
    using limited = scene.follow("ws", "graph", await token({ crews: ["c2"] }));
    await Promise.all([asking.count(1), limited.count(1)]);
    for (const crew of ["c1", "c2"]) await scene.publish(`graph/${crew}`, clone);
    for (const client of [asking, limited]) {
      const [, first] = await client.count(2);
      expect(first).toMatchObject({ type: "tool_start", crew_id: "c2" });
    }
    expect(await activeNow(scene, "?crew=c2")).toEqual(["git_clone"]);
    using nobody = follow("ws", scene.gateway.url, "graph");
    expect(await nobody.ended).toEqual({ code: 4401 });
  });

  test("say in silence that they are still there, which nobody hears, and may ping, which everybody does", async () => {
    await using scene = await Scene.open(open);
    await scene.place("graph/c1", { type: "tool_start", tool: "t", call_id: "a", lease_s: 60 });
    const frames = hear(scene);
    await frames.until(1);
    await scene.publish("graph/c1", { type: "tool_lease", call_id: "a" });
    await scene.publish("graph/c1", { type: "ping", timestamp });
    await frames.until(2);
    expect(withoutCursors(frames.seen)[1]).toEqual({ type: "ping", timestamp, crew_id: "c1" });
    frames.close();
  });
});

/** Everything that comes over a WebSocket, pings as well. */
function hear({ gateway, token: own }: Scene) {
  const socket = new WebSocket(`${gateway.url.replace("http", "ws")}/ws/graph`, ["token", own]);
  const seen: Seen[] = [];
  let wake = () => {};
  socket.onmessage = ({ data }) => {
    seen.push(JSON.parse(String(data)));
    wake();
  };
  const until = async (count: number) => {
    while (seen.length < count) await new Promise<void>((resolve) => (wake = resolve));
  };
  return { seen, until, close: () => socket.close() };
}

test.each(buses)("Whoever follows tools over %s is told every 20 s that there is nothing new", async (_, open) => {
  const clock = new ManualClock(Date.now());
  await using scene = await Scene.open(open, clock);
  const frames = hear(scene);
  await frames.until(1);
  for (const count of [2, 3]) {
    clock.pass(20_000);
    await frames.until(count);
    expect(frames.seen[count - 1]).toEqual({ type: "ping", timestamp: new Date(clock.now()).toISOString() });
  }
  frames.close();
});
