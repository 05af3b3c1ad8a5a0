import { describe, expect, test } from "vitest";
import { kindOf } from "../../src/client/reducers.ts";
import { connectScripted, covered, type Scripted, snapshot } from "./scripted-skein.ts";
import { eventStream, plain, settled } from "./scripted-world.ts";

const refused = (code: string) => ({ type: "error", code, message: "No" });

/** Answers the newest request with a stream of events that says something at once. */
async function stream({ world }: Scripted, ...frames: readonly unknown[]): Promise<ReturnType<typeof eventStream>> {
  world.clock.pass(0);
  const events = eventStream();
  world.requestNow.respond(events.answer);
  for (const frame of [{ type: "ping" }, ...frames]) events.push(`id: v\ndata: ${JSON.stringify(frame)}\n\n`);
  await settled();
  return events;
}

const parametersOf = (url: string) => new URL(url).searchParams;

describe("Over Server-Sent Events", () => {
  test("every stream goes on from a cursor of its own, and a set that changes is asked for once", async () => {
    const scripted = await connectScripted({ transports: ["sse"], token: "jwt" });
    const { world, skein, frames } = scripted;
    await stream(scripted, covered("instances", snapshot("e-4.1", "a")));
    expect(skein.stream("instances").getSnapshot()?.has("a")).toBe(true);
    const asked = world.requests.length;
    for (const name of ["messages?recent=5", "swarm"]) skein.stream(name).onFrame(() => {});
    world.clock.pass(0);
    expect(world.requests).toHaveLength(asked + 1);
    const { url, asking } = world.requestNow;
    expect(asking).toMatchObject({ headers: { Authorization: "Bearer jwt" }, credentials: "same-origin" });
    expect(parametersOf(url).getAll("stream")).toEqual(["instances?since=e-4.1", "messages?recent=5", "swarm"]);
    await stream(scripted, covered("instances?since=e-4.1", { type: "instance_deleted", name: "a", cursor: "e-5" }));
    expect(frames.map(({ type }) => type)).toEqual(["snapshot", "instance_deleted"]);
    expect(skein.status.state).toBe("live");
  });

  test("what comes cut into pieces is put together, and of a response that was left nothing is heard", async () => {
    const scripted = await connectScripted({ transports: ["sse"] });
    const events = await stream(scripted);
    const text = `data: ${JSON.stringify(covered("instances", snapshot("e-1", "ä")))}\n\n`;
    const bytes = [...text].map((letter) => events.push(letter));
    await settled();
    expect(bytes.length).toBeGreaterThan(100);
    expect(scripted.skein.stream("instances").getSnapshot()?.has("ä")).toBe(true);
    scripted.skein.stream("swarm").onFrame(() => {});
    events.push(`data: ${JSON.stringify(covered("instances", snapshot("e-2")))}\n\n`);
    await settled();
    expect(scripted.frames).toHaveLength(1);
  });

  test("a stream that is refused before the others is left out, and they are asked for again", async () => {
    const scripted = await connectScripted({ transports: ["sse"] });
    const { world, skein } = scripted;
    skein.stream("swarm").onFrame(() => {});
    world.clock.pass(0);
    world.requestNow.respond(plain(404, refused("unknown_stream")));
    await settled();
    world.clock.pass(0);
    expect(skein.stream("instances").status).toMatchObject({ phase: "refused", refusal: { code: "unknown_stream" } });
    expect(parametersOf(world.requestNow.url).getAll("stream")).toEqual(["swarm"]);
  });

  test("streams that are over before anything is said are over", async () => {
    const { world, skein } = await connectScripted({ transports: ["sse"] });
    world.clock.pass(0);
    world.requestNow.respond(plain(204));
    await settled();
    expect(skein.stream("instances").status.phase).toBe("over");
    expect(skein.status.state).toBe("idle");
  });

  const answers: [number, unknown, string][] = [
    [403, "<h1>Forbidden by the proxy</h1>", "waiting"],
    [502, "", "waiting"],
    [503, refused("shutting_down"), "waiting"],
    [429, { ...refused("too_many_connections"), retry_after: 9 }, "waiting"],
    [401, refused("token_expired"), "refused"],
    [403, refused("forbidden_origin"), "refused"],
    [403, refused("forbidden"), "idle"],
    [401, refused("token_required"), "idle"],
  ];
  test.each(answers)("after %i %j the connection is %s", async (status, body, state) => {
    const { world, skein } = await connectScripted({ transports: ["sse"] });
    world.clock.pass(0);
    world.requestNow.respond(plain(status, body));
    await settled();
    expect(skein.status.state).toBe(state);
    if (status === 429) expect(skein.status.retryAtMs).toBe(world.now() + 9000);
  });

  test("a newer token is shown for the connection that has the old one", async () => {
    let given = 0;
    const scripted = await connectScripted({ transports: ["sse"], token: () => `jwt-${given++}` });
    await stream(scripted, { type: "token_expiring", connection: "c7" });
    expect(scripted.world.requestNow).toMatchObject({
      url: "http://gateway.test/prefix/api/session/refresh",
      asking: { method: "POST", headers: { Authorization: "Bearer jwt-1" }, body: '{"connection":"c7"}' },
    });
  });
});

describe("By polling", () => {
  /** Answers the newest request. */
  async function answer({ world }: Scripted, frames: readonly unknown[], headers: Record<string, string> = {}) {
    world.requestNow.respond(plain(200, frames, headers));
    await settled();
    world.clock.pass(250);
  }

  test("a stream goes on from where the answer says, is held, and knows an answer by its tag", async () => {
    const scripted = await connectScripted({ transports: ["poll"] });
    const { world, skein } = scripted;
    expect(world.requestNow.url).toBe("http://gateway.test/prefix/poll/instances");
    await answer(scripted, [snapshot("e-1", "a")], { "Skein-Cursor": "e-9", ETag: '"x"' });
    expect(world.requestNow.url).toBe("http://gateway.test/prefix/poll/instances?since=e-9&wait=25");
    expect(world.requestNow.asking.headers).toMatchObject({ "If-None-Match": '"x"' });
    world.requestNow.respond(plain(304, "", { "Skein-Cursor": "e-12" }));
    await settled();
    world.clock.pass(250);
    expect(parametersOf(world.requestNow.url).get("since")).toBe("e-12");
    expect(skein.status).toMatchObject({ state: "live", transport: "poll" });
    await answer(scripted, [], { "Skein-Cursor": "e-12", "Skein-End": "done" });
    expect(skein.stream("instances").status.phase).toBe("over");
  });

  test("a gateway that holds for less long is asked in turns", async () => {
    const scripted = await connectScripted({ transports: ["poll"] });
    const { world } = scripted;
    await answer(scripted, [snapshot("e-1", "a")], { "Skein-Cursor": "e-1" });
    const message = 'Query parameter "wait": must be a number of seconds from 0 to 5';
    world.requestNow.respond(plain(400, { type: "error", code: "bad_query", message }));
    await settled();
    world.clock.pass(0);
    expect(world.requestNow.url).toBe("http://gateway.test/prefix/poll/instances?since=e-1");
    const asked = world.requests.length;
    await answer(scripted, [], { "Skein-Cursor": "e-1" });
    expect(world.requests).toHaveLength(asked);
    world.clock.pass(3000);
    expect(world.requests).toHaveLength(asked + 1);
  });

  test("four requests are open at a time, everybody has a turn, and nobody two at once", async () => {
    const scripted = await connectScripted({ transports: ["poll"] });
    const { world, skein } = scripted;
    const names = ["a", "b", "c", "d", "e", "f"].map((id) => `runs/${id}`);
    for (const name of names) skein.stream(name).onFrame(() => {});
    await settled();
    world.clock.pass(0);
    const answered = new Set<unknown>();
    const pathOf = (url: string) => new URL(url).pathname.replace("/prefix/poll/", "");
    for (let turn = 0; turn < 12; turn++) {
      const open = world.requests.filter((request) => !answered.has(request) && !request.aborted());
      expect(open.length).toBeLessThanOrEqual(4);
      expect(new Set(open.map(({ url }) => pathOf(url))).size).toBe(open.length);
      for (const request of open) request.respond(plain(200, [], { "Skein-Cursor": "e-1" }));
      for (const request of open) answered.add(request);
      await settled();
    }
    expect(new Set(world.requests.map(({ url }) => pathOf(url)))).toEqual(new Set(["instances", ...names]));
    const asked = world.requests.length;
    world.clock.pass(2999);
    expect(world.requests).toHaveLength(asked);
    world.clock.pass(1);
    expect(world.requests.length).toBe(asked + 4);
  });
});

describe("From one transport to the next", () => {
  test("each has three attempts, and after the last the first is tried again", async () => {
    const { world, skein } = await connectScripted({});
    const tried: string[] = [];
    for (let attempt = 0; attempt < 10; attempt++) {
      world.clock.pass(0);
      tried.push(skein.status.transport);
      if (skein.status.transport === "ws") world.socketNow.end(1006);
      else world.requestNow.fail();
      await settled();
      if (skein.status.state === "waiting") world.clock.pass(30_000);
      await settled();
    }
    expect(tried).toEqual(["ws", "ws", "ws", "sse", "sse", "sse", "poll", "poll", "poll", "ws"]);
  });

  test("the better one is tried after 30 s, 1, 2, 4, 5 and 5 minutes, and what works goes on meanwhile", async () => {
    const scripted = await connectScripted({});
    const { world, skein } = scripted;
    world.clock.pass(4000);
    const events = await stream(scripted);
    let since = world.now();
    const pauses: number[] = [];
    while (pauses.length < 6) {
      const before = world.sockets.length;
      world.clock.pass(1000);
      events.push('data: {"type":"ping"}\n\n');
      await settled();
      if (world.sockets.length === before) continue;
      pauses.push(Math.round((world.now() - since) / 1000));
      world.socketNow.end(1006);
      since = world.now();
    }
    expect(pauses).toEqual([30, 60, 120, 240, 300, 300]);
    expect(skein.status).toMatchObject({ state: "live", transport: "sse" });
  });

  test("the better one is tried at once when the network came back while a worse one was being opened", async () => {
    const scripted = await connectScripted({});
    const { world, skein } = scripted;
    world.clock.pass(4000);
    expect(skein.status).toMatchObject({ state: "connecting", transport: "sse" });
    const before = world.sockets.length;
    world.wake();
    await stream(scripted);
    world.clock.pass(0);
    expect(world.sockets).toHaveLength(before + 1);
    world.socketNow.say({ type: "pong" });
    await settled();
    expect(skein.status.transport).toBe("ws");
  });
});

describe("A state", () => {
  const row = (name: string, archived_at: string | null = null) => ({
    name,
    status: "up",
    port: null,
    pid: null,
    archived_at,
  });

  test("that another tab has come to goes on like its own", () => {
    const { reducer } = kindOf("instances", 10);
    reducer.adopt(
      new Map([
        ["a", row("a")],
        ["b", row("b", "2026-01-01T00:00:00Z")],
      ]),
    );
    reducer.take({ type: "instance_archived", name: "a", archived_at: "2026-01-02T00:00:00Z" });
    expect(reducer.read()).toMatchObject(
      new Map([
        ["a", { archived_at: "2026-01-02T00:00:00Z" }],
        ["b", {}],
      ]),
    );
  });

  test("of tools is what the gateway's own would be, also for events that do not name their call", () => {
    const { reducer } = kindOf("graph?crew=c", 10);
    const call = { crew_id: "c", timestamp: "t", tool: "ls" };
    for (const frame of [
      { type: "snapshot", active: [{ type: "tool_start", ...call, agent_id: "x" }] },
      { type: "tool_start", ...call, agent_id: "y" },
      { type: "tool_start", ...call, call_id: "k" },
      { type: "tool_progress", ...call, agent_id: "y", progress: 0.5 },
      { type: "tool_end", ...call, status: "success" },
      { type: "tool_end", ...call, call_id: "k", status: "success" },
      { type: "novelty", ...call },
    ])
      reducer.take(frame);
    expect([...(reducer.read() as Map<string, unknown>).values()]).toEqual([
      {
        start: { type: "tool_start", ...call, agent_id: "y" },
        progress: { type: "tool_progress", ...call, agent_id: "y", progress: 0.5 },
      },
    ]);
  });

  test("of a log has lines, and rules where it goes on elsewhere", () => {
    const { reducer } = kindOf("instances/a/logs?backlog=1", 4);
    for (const frame of [
      { type: "backlog", lines: ["0", "1"], count: 2, cursor: "c" },
      { type: "gap", from: 3, to: null, reason: "truncated" },
      { type: "rotated", reason: "truncated", timestamp: "t", cursor: "d" },
      { type: "lines", lines: ["2"], count: 1, cursor: "e" },
    ])
      reducer.take(frame);
    expect(reducer.read()).toEqual([
      { kind: "line", text: "1" },
      { kind: "gap", from: 3, to: null, reason: "truncated" },
      { kind: "rotated", reason: "truncated", timestamp: "t" },
      { kind: "line", text: "2" },
    ]);
  });
});
