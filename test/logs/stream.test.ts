import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { buses } from "../support/buses.ts";
import { follow, type Seen, transports } from "../support/client.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { LogDirectory } from "../support/logs.ts";

/** All lines of the frames, in order. */
const linesIn = (frames: readonly Seen[]) => frames.flatMap(({ lines }) => (lines ?? []) as string[]);
const untilLine = (line: string) => (frames: Seen[]) => linesIn(frames).includes(line);

interface Place extends AsyncDisposable {
  readonly files: LogDirectory;
  readonly gateway: Gateway;
}

const many = Array.from({ length: 20 }, (_, i) => `many-${i}`);

const opened = describe.each(buses);

async function open(openBus: (typeof buses)[number][1], limits = {}): Promise<Place> {
  const files = new LogDirectory();
  const own = await openBus();
  files.append("agent-1", "one", "two", "three");
  for (const name of many) files.append(name, "a line");
  const agent = await files.startAgent(own.bus);
  const gateway = await startGateway({ bus: own.bus, limits });
  return {
    files,
    gateway,
    async [Symbol.asyncDispose]() {
      await gateway.close();
      await agent.close();
      await own[Symbol.asyncDispose]();
      files[Symbol.dispose]();
    },
  };
}

opened("Over %s", (_name, openBus) => {
  describe.each(transports)("a log followed over %s", (transport) => {
    test("begins with its newest lines and goes on with each new one", async () => {
      await using place = await open(openBus);
      using client = follow(transport, place.gateway.url, "instances/agent-1/logs?backlog=2");
      const [first] = await client.count(1);
      expect(first).toMatchObject({ type: "backlog", lines: ["two", "three"], count: 2 });
      expect(first).not.toHaveProperty("reason");
      place.files.append("agent-1", "four");
      const [, second] = await client.count(2);
      expect(second).toMatchObject({ type: "lines", lines: ["four"], count: 1 });
    });

    test("goes on through a rotation, and says so", async () => {
      await using place = await open(openBus);
      using client = follow(transport, place.gateway.url, "instances/agent-1/logs");
      await client.count(1);
      place.files.append("agent-1", "last");
      place.files.rotate("agent-1");
      place.files.append("agent-1", "first");
      const frames = await client.until(untilLine("first"));
      expect(linesIn(frames)).toEqual(["one", "two", "three", "last", "first"]);
      expect(frames.filter(({ type }) => type === "rotated")).toMatchObject([{ reason: "renamed" }]);
    });

    test("says what a truncation may have lost before it goes on", async () => {
      await using place = await open(openBus);
      using client = follow(transport, place.gateway.url, "instances/agent-1/logs?backlog=0");
      await client.count(1);
      place.files.truncate("agent-1");
      place.files.append("agent-1", "anew");
      const frames = await client.until(untilLine("anew"));
      expect(frames.map(({ type, reason }) => [type, reason])).toEqual([
        ["backlog", undefined],
        ["gap", "truncated"],
        ["rotated", "truncated"],
        ["lines", undefined],
      ]);
    });

    test("is an empty backlog while a registered instance has no file, and then every line of it", async () => {
      await using place = await open(openBus);
      await place.gateway.publish("instances/late", { status: "running" });
      using client = follow(transport, place.gateway.url, "instances/late/logs");
      expect(await client.count(1)).toMatchObject([{ type: "backlog", lines: [], count: 0 }]);
      place.files.append("late", "first");
      const frames = await client.until(untilLine("first"));
      place.files.append("late", "second");
      await client.until(untilLine("second"));
      expect(linesIn(client.frames)).toEqual(["first", "second"]);
      expect(frames.map(({ type }) => type)).not.toContain("rotated");
    });

    test.each([
      ["an unknown instance", "instances/nobody/logs", 4404, "instance_not_found"],
      ["a way up", "instances/../logs", 4404, undefined],
      ["an encoded way up", "instances/..%2F..%2Fetc%2Fpasswd/logs", 4404, "instance_not_found"],
      ["a negative backlog", "instances/agent-1/logs?backlog=-1", 4400, "bad_query"],
      ["too long a backlog", "instances/agent-1/logs?backlog=1001", 4400, "bad_query"],
      ["a backlog that is no number", "instances/agent-1/logs?backlog=abc", 4400, "bad_query"],
      ["a link out of the directory", "instances/outside/logs", 4403, "forbidden"],
    ])("is refused for %s", async (_what, stream, close, code) => {
      await using place = await open(openBus);
      place.files.link("outside", "/etc/passwd");
      await place.gateway.publish("instances/outside", { status: "running" });
      // Found: from then on the link leads somewhere, and not to where it may.
      if (code === "forbidden") await refusedAs(place, transport, "forbidden");
      using client = follow(transport, place.gateway.url, stream);
      const { code: ended } = await client.ended;
      expect(ended).toBe(transport === "ws" ? close : close - 4000);
      if (code) expect(client.frames).toMatchObject([{ type: "error", code }]);
      expect(client.raw.join("")).not.toContain("root:");
    });
  });

  test.each([
    ["ws", "sse"],
    ["sse", "poll"],
    ["poll", "ws"],
  ] as const)("a client that leaves %s and comes back over %s gets exactly what it missed", async (one, other) => {
    await using place = await open(openBus, { lingerMs: 0 });
    const before = follow(one, place.gateway.url, "instances/agent-1/logs");
    await before.count(1);
    place.files.append("agent-1", "four");
    await before.until(untilLine("four"));
    before.close();
    place.files.append("agent-1", "five", "six");
    place.files.rotate("agent-1");
    place.files.append("agent-1", "seven");
    using after = follow(other, place.gateway.url, `instances/agent-1/logs?since=${before.cursor}`);
    await after.until(untilLine("seven"));
    place.files.append("agent-1", "eight");
    const frames = await after.until(untilLine("eight"));
    expect(linesIn(frames)).toEqual(["five", "six", "seven", "eight"]);
    expect(frames.map(({ type }) => type)).not.toContain("backlog");
    expect(frames.filter(({ type }) => type === "rotated")).toHaveLength(1);
  });

  test("a cursor from another life of the agent and of the gateway resumes too", async () => {
    using files = new LogDirectory();
    await using own = await openBus();
    files.append("agent-1", "a line that is long enough to be known again");
    const agent = await files.startAgent(own.bus);
    const gateway = await startGateway({ bus: own.bus });
    const before = follow("ws", gateway.url, "instances/agent-1/logs");
    await before.count(1);
    before.close();
    await gateway.close();
    await agent.close();
    files.append("agent-1", "missed");
    files.rotate("agent-1");
    files.append("agent-1", "new");
    const next = await files.startAgent(own.bus);
    await using anew = await startGateway({ bus: own.bus });
    using after = follow("sse", anew.url, `instances/agent-1/logs?since=${before.cursor}`);
    const frames = await after.until(untilLine("new"));
    expect(frames[0]).toMatchObject({ type: "resumed" });
    expect(linesIn(frames)).toEqual(["missed", "new"]);
    await next.close();
  });

  test("when its instance is deleted its followers are told, and an EventSource is stopped for good", async () => {
    await using place = await open(openBus);
    await place.gateway.publish("instances/agent-1", { status: "running" });
    using ws = follow("ws", place.gateway.url, "instances/agent-1/logs");
    using sse = follow("sse", place.gateway.url, "instances/gone/logs");
    await ws.count(1);
    expect(await sse.ended).toEqual({ code: 404 });
    await place.gateway.publish("instances/agent-1", null);
    expect(await ws.ended).toEqual({ code: 4410 });
    expect(ws.frames.at(-1)).toMatchObject({ type: "error", code: "instance_deleted" });
    const headers = { "Last-Event-ID": ws.cursor ?? "" };
    const answer = await fetch(`${place.gateway.url}/sse/instances/gone/logs`, { headers });
    expect(answer.status).toBe(204);
  });

  test("descriptors go back to their number when the last client has left", async () => {
    await using place = await open(openBus, { lingerMs: 0 });
    using warm = follow("ws", place.gateway.url, "instances/agent-1/logs");
    await warm.count(1);
    const descriptors = () => readdirSync("/proc/self/fd").length;
    const before = descriptors();
    const clients = many.map((name) => follow("ws", place.gateway.url, `instances/${name}/logs`));
    for (const client of clients) await client.count(1);
    expect(descriptors()).toBeGreaterThan(before + 2 * many.length);
    for (const client of clients) client.close();
    await expect.poll(descriptors, { timeout: 15_000 }).toBeLessThanOrEqual(before);
  });
});

/** Settles when the agent has found the log and the gateway says what it is. */
async function refusedAs({ gateway }: Place, transport: "ws" | "sse" | "poll", code: string): Promise<void> {
  const attempt = async () => {
    using client = follow(transport, gateway.url, "instances/outside/logs");
    await client.count(1);
    return client.frames[0]?.code;
  };
  await expect.poll(attempt, { timeout: 10_000 }).toBe(code);
}
