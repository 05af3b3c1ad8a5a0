import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { openNatsBus } from "../../src/bus/nats.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { storeOf } from "../../src/stream/subject.ts";
import { instances } from "../../src/streams/instances.ts";
import { isUp } from "../support/buses.ts";
import { type Client, follow } from "../support/client.ts";
import { ManualClock } from "../support/clock.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { startNatsServer } from "../support/nats-server.ts";
import { bearer, enforced, token } from "../support/tokens.ts";

interface Figures {
  readonly connections: Readonly<Record<"ws" | "sse" | "poll", number>>;
  readonly delivered: number;
  readonly lagged: number;
  readonly resumes: { readonly resumed: number; readonly expired: number };
  readonly rejected: Readonly<Record<string, number>>;
  readonly latency: { turns: number; p50_ms: number | null; p95_ms: number | null; p99_ms: number | null };
  readonly queued: { readonly frames: number; readonly bytes: number };
}

interface Row {
  readonly id: number;
  readonly transport: string;
  readonly org: string;
  readonly subject: string;
  readonly streams: readonly string[];
  readonly frames: number;
  readonly bytes: number;
  readonly queued_frames: number;
  readonly queued_bytes: number;
}

interface Answer extends Figures {
  readonly open: readonly Row[];
  readonly closed: readonly (Row & {
    readonly by: string;
    readonly code: number | null;
    readonly reason: string | null;
  })[];
  readonly gateway?: Figures;
}

async function look({ url }: Gateway, credential?: string, search = ""): Promise<Answer> {
  const headers = credential === undefined ? {} : bearer(credential);
  const response = await fetch(`${url}/api/gateway${search}`, { headers });
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()) as Answer;
}

const operator = { roles: ["operator"] };

describe("GET /api/gateway", () => {
  test("says which version this is, since when, and how the bus is", async () => {
    const clock = new ManualClock(Date.UTC(2026, 5, 1));
    await using gateway = await startGateway({ clock });
    clock.pass(60_000);
    const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
    expect(await look(gateway)).toMatchObject({
      version: manifest.version,
      started_at: "2026-06-01T00:00:00.000Z",
      now: "2026-06-01T00:01:00.000Z",
      bus: { kind: "embedded", state: "up" },
      org: "default",
    });
  });

  test("says when NATS is away", async () => {
    const server = await startNatsServer();
    const bus = await openNatsBus({ url: server.url, clock: systemClock });
    await isUp(bus);
    await using gateway = await startGateway({ bus });
    expect(await look(gateway)).toMatchObject({ bus: { kind: "nats", state: "up" } });
    await server.stop();
    await expect.poll(() => look(gateway)).toMatchObject({ bus: { kind: "nats", state: "away" } });
    await bus.close();
  });

  test("lists who is connected over which transport to which streams, and shows no token", async () => {
    await using gateway = await startGateway({ auth: enforced });
    const own = await token({ sub: "bea" });
    await gateway.publish("runs/r1", { type: "boot" }, own);
    using socket = follow("ws", gateway.url, "?stream=instances&stream=messages%3Finstance%3Da%26since%3Dgarbage", own);
    await socket.count(2);
    using events = follow("sse", gateway.url, `runs/r1?token=${await token({ sub: "cyd" })}`);
    await events.count(2);
    using _polling = follow("poll", gateway.url, "messages?recent=3", own);
    // A survey is up to a second old.
    await expect
      .poll(() => look(gateway, own), { timeout: 10_000 })
      .toMatchObject({ connections: { ws: 1, sse: 1, poll: 1 } });
    const { open } = await look(gateway, own);
    expect(JSON.stringify(open)).not.toMatch(/eyJ|token|since=/);
    const known = open.map(({ transport, org, subject, streams }) => [transport, org, subject, ...streams]);
    expect(known.toSorted()).toEqual([
      ["poll", "acme", "bea", "messages?recent=3"],
      ["sse", "acme", "cyd", "runs/r1"],
      ["ws", "acme", "bea", "instances", "messages?instance=a"],
    ]);
    const counted = Object.fromEntries(open.map(({ transport, frames, bytes }) => [transport, [frames, bytes > 100]]));
    expect(counted).toMatchObject({ ws: [2, true], sse: [2, true] });
    socket.send({ type: "unsubscribe", stream: "instances" });
    await expect
      .poll(async () => (await look(gateway, own)).open.find(({ transport }) => transport === "ws")?.streams, {
        timeout: 10_000,
      })
      .toEqual(["messages?instance=a"]);
  });

  test("tells how connections ended, and who ended them", async () => {
    const clock = new ManualClock(Date.now());
    await using gateway = await startGateway({ auth: enforced, clock });
    const own = await token({ exp: clock.now() / 1000 + 100_000 });
    const leaving = new WebSocket(`${gateway.url.replace("http", "ws")}/ws/instances`, ["token", own]);
    await new Promise((resolve) => leaving.once("message", resolve));
    leaving.close(4999, "a reason of its own");
    using gone = follow("sse", gateway.url, "instances", own);
    await gone.count(1);
    gone.close();
    await expect.poll(async () => (await look(gateway, own)).closed).toHaveLength(2);
    using idle = follow("ws", gateway.url, "messages", own);
    await idle.count(1);
    clock.pass(90_000);
    await idle.ended;
    using expiring = follow("sse", gateway.url, "instances", await token({ exp: clock.now() / 1000 + 200 }));
    await expiring.count(1);
    clock.pass(300_000);
    await expiring.ended;
    await expect.poll(async () => (await look(gateway, own)).closed).toHaveLength(4);
    const { closed } = await look(gateway, own);
    expect(closed.map(({ transport, by, code, reason }) => [transport, by, code, reason])).toEqual([
      ["sse", "gateway", 4401, "token_expired"],
      ["ws", "gateway", 1001, "idle"],
      ["sse", "client", null, null],
      ["ws", "client", 4999, null],
    ]);
    expect(closed.map(({ streams }) => streams)).toEqual([["instances"], ["messages"], ["instances"], ["instances"]]);
  });

  test("counts what was delivered, and how long it took", async () => {
    await using gateway = await startGateway();
    const clients = (["ws", "sse", "ws"] as const).map((transport) => follow(transport, gateway.url, "instances"));
    await Promise.all(clients.map((client) => client.count(1)));
    for (let n = 1; n <= 10; n++) await gateway.publish("instances/a", { status: `s${n}` });
    await Promise.all(clients.map((client) => client.count(11)));
    const { delivered, latency, gateway: whole } = await look(gateway);
    expect(delivered).toBe(30);
    expect(latency.turns).toBe(10);
    const { p50_ms: half, p95_ms: most, p99_ms: all } = latency;
    expect(half).toBeGreaterThan(0);
    expect(most).toBeGreaterThanOrEqual(half ?? 0);
    expect(all).toBeGreaterThanOrEqual(most ?? 0);
    expect(whole).toMatchObject({ delivered: 30, connections: { ws: 2, sse: 1, poll: 0 } });
    for (const client of clients) client.close();
  });

  test("shows first who reads too slowly, and how much waits for it", async () => {
    await using gateway = await startGateway();
    const slow = new WebSocket(`${gateway.url.replace("http", "ws")}/ws/instances`);
    await new Promise((resolve) => slow.once("message", resolve));
    slow.pause();
    using fast = follow("ws", gateway.url, "instances");
    await fast.count(1);
    const table = await gateway.bus.table(storeOf(instances));
    const filler = "x".repeat(16_000);
    // More than the kernel may hold for a connection, whatever it thinks of it.
    for (let n = 1; n <= 1500; n++) {
      const stored = table.put(
        "skein.default.instances.busy",
        new TextEncoder().encode(JSON.stringify({ status: `s${n}`, filler: `${n}${filler}` })),
      );
      if (n % 20 === 0) await stored;
    }
    await fast.until((frames) => frames.at(-1)?.status === "s1500" || frames.some(({ type }) => type === "snapshot"));
    await expect.poll(async () => (await look(gateway)).open[0]?.queued_frames, { timeout: 10_000 }).toBeGreaterThan(0);
    const { open, queued } = await look(gateway);
    expect(open[0]?.id).toBe(1);
    expect(open[0]?.queued_bytes).toBeGreaterThan(0);
    expect(queued.frames).toBeGreaterThanOrEqual(open[0]?.queued_frames ?? 0);
    slow.terminate();
  }, 60_000);

  test("lists no more than asked for, and 1000 at the most", async () => {
    await using gateway = await startGateway();
    const clients = [1, 2, 3].map(() => follow("ws", gateway.url, "instances"));
    await Promise.all(clients.map((client) => client.count(1)));
    const answers = await Promise.all([0, 2, 1000].map((limit) => look(gateway, undefined, `?limit=${limit}`)));
    expect(answers.map(({ open }) => open.map(({ id }) => id))).toEqual([[], [3, 2], [3, 2, 1]]);
    expect(answers[0]?.connections.ws).toBe(3);
    for (const bad of ["limit=1001", "limit=-1", "limit=many", "order=size"]) {
      const response = await fetch(`${gateway.url}/api/gateway?${bad}`);
      expect([response.status, (await response.json()) as unknown]).toMatchObject([400, { code: "bad_query" }]);
    }
    for (const client of clients) client.close();
  });
});

describe("GET /api/gateway shows an org nothing of another:", () => {
  /** Something of every kind that is counted happens in an org. */
  async function live(gateway: Gateway, org: string): Promise<Disposable> {
    const own = await token({ org, sub: `someone-of-${org}` });
    const clients = (["ws", "sse", "poll"] as const).map((transport) =>
      follow(transport, gateway.url, `runs/of-${org}`, own),
    );
    await Promise.all(clients.map((client) => client.count(1)));
    for (let n = 0; n < 3; n++) await gateway.publish(`runs/of-${org}`, { type: "boot", n }, own);
    await Promise.all(clients.map((client) => client.until((frames) => frames.some((frame) => frame.n === 2))));
    using again: Client = follow("sse", gateway.url, `runs/of-${org}?since=garbage`, own);
    await again.count(1);
    return { [Symbol.dispose]: () => clients.map((client) => client.close()) };
  }

  /** All that does not change by itself. */
  function still({ connections, delivered, lagged, resumes, rejected, latency, open, closed }: Answer) {
    return { connections, delivered, lagged, resumes, rejected, turns: latency.turns, open, closed };
  }

  test("neither names nor sums change with what others do", async () => {
    const clock = new ManualClock(Date.now());
    await using gateway = await startGateway({ auth: enforced, clock });
    const acmes = await token(operator);
    using _socket = follow("ws", gateway.url, "instances", await token());
    await _socket.count(1);
    await expect.poll(() => look(gateway, acmes)).toMatchObject({ connections: { ws: 1 } });
    const before = await look(gateway, acmes);
    using _others = await live(gateway, "globex");
    const globexs = await token({ ...operator, org: "globex" });
    await expect
      .poll(() => look(gateway, globexs))
      .toMatchObject({ connections: { ws: 1, sse: 1 }, resumes: { expired: 1 } });
    clock.pass(2000);
    const after = await look(gateway, acmes);
    expect(still(after)).toEqual(still(before));
    expect(JSON.stringify(after)).not.toContain("globex");
    expect(after).not.toHaveProperty("gateway");
    // A connection's number is that of its org.
    expect(Math.max(...(await look(gateway, globexs)).open.map(({ id }) => id))).toBeLessThan(20);
    expect((await look(gateway, globexs)).open.every(({ org }) => org === "globex")).toBe(true);
  });

  test("the gateway's own org sees the sums of all, and no name", async () => {
    await using gateway = await startGateway({ auth: { ...enforced, org: "ops" } });
    using _acme = await live(gateway, "acme");
    using _globex = await live(gateway, "globex");
    const ours = await token({ ...operator, org: "ops" });
    await expect
      .poll(async () => (await look(gateway, ours)).gateway)
      .toMatchObject({ connections: { ws: 2, sse: 2 }, resumes: { expired: 2 } });
    const answer = await look(gateway, ours);
    expect(answer).toMatchObject({ connections: { ws: 0, sse: 0, poll: 0 }, delivered: 0, open: [], closed: [] });
    expect(JSON.stringify(answer)).not.toMatch(/acme|globex/);
  });

  test("whoever has allow-lists sees no connections but its own", async () => {
    await using gateway = await startGateway({ auth: enforced });
    using others = follow("ws", gateway.url, "instances/hidden/logs", await token());
    using own = follow("ws", gateway.url, "messages?instance=mine", await token({ sub: "fay", instances: ["mine"] }));
    await own.count(1);
    await Promise.race([others.count(1), others.ended]);
    const fays = await token({ ...operator, sub: "fay", instances: ["mine"] });
    await expect
      .poll(async () => (await look(gateway, fays)).open.map(({ streams }) => streams))
      .toEqual([["messages?instance=mine"]]);
    expect(JSON.stringify(await look(gateway, fays))).not.toContain("hidden");
    expect(JSON.stringify(await look(gateway, await token(operator)))).toContain("hidden");
  });

  test("it is for operators, and counted as reads", async () => {
    const quota = { principal: 0, address: 0, org: 0 };
    const names = [
      "connections",
      "connects",
      "subscriptions",
      "subscribes",
      "messages",
      "publishes",
      "publishBytes",
      "readBytes",
    ] as const;
    const free = Object.fromEntries(names.map((name) => [name, quota])) as Record<(typeof names)[number], typeof quota>;
    await using gateway = await startGateway({
      auth: enforced,
      quotas: { ...free, reads: { ...quota, principal: 0.5 } },
    });
    const ask = async (credential: string) =>
      (await fetch(`${gateway.url}/api/gateway`, { headers: bearer(credential) })).status;
    expect(await ask(await token({ roles: ["viewer", "publisher"] }))).toBe(403);
    const eager = await token({ ...operator, sub: "eager" });
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(eager)));
    expect(new Set(answers)).toEqual(new Set([200, 429]));
  });
});
