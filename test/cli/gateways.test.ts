import { connect, type NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Client, follow, type Seen, transports } from "../support/client.ts";
import { type NatsServer, startNatsServer } from "../support/nats-server.ts";
import { type Started, startSkein } from "../support/process.ts";

let server: NatsServer;
let one: Started;
let other: Started;
let nats: NatsConnection;

beforeAll(async () => {
  server = await startNatsServer();
  [one, other] = await Promise.all([startSkein(["--nats", server.url]), startSkein(["--nats", server.url])]);
  await Promise.all([readiness(one, 200), readiness(other, 200)]);
  nats = await connect({
    servers: server.url.replace("nats://", ""),
    maxReconnectAttempts: -1,
    reconnectTimeWait: 100,
  });
});

afterAll(async () => {
  await nats.close();
  await Promise.all([one.run.kill(), other.run.kill()]);
  await server.stop();
});

/** Settles when `/readyz` answers so. */
async function readiness({ url }: Started, status: number): Promise<void> {
  const check = async () => expect((await fetch(`${url}/readyz`)).status).toBe(status);
  await vi.waitFor(check, { timeout: 10_000 });
}

async function publish(gateway: Started, tail: string, body: object): Promise<void> {
  expect((await gateway.publish(tail, body)).status).toBe(201);
}

const sent = { event: "sent", from: "agent-1", to: "agent-2", message_type: "task.handoff" };

/** For each stream: what the nth change is, where it is published, and how its frame is known. */
const streams = [
  {
    stream: "instances",
    tail: (id: string) => `instances/${id}`,
    body: (n: number) => ({ status: `s${n}`, port: n }),
    ofId: (id: string, { name }: Seen) => name === id,
  },
  {
    stream: "messages",
    tail: (id: string, n: number) => `messages/${id}-${n}`,
    body: () => sent,
    ofId: (id: string, { message_id }: Seen) => String(message_id).startsWith(`${id}-`),
  },
  {
    stream: "runs/:id",
    tail: (id: string) => `runs/${id}`,
    body: (n: number) => ({ type: "task_end", n }),
    ofId: (id: string, { run_id }: Seen) => run_id === id,
  },
] as const;

describe.each(streams)("The stream $stream", ({ stream, tail, body, ofId }) => {
  /** The frames of one test's own changes, as their bytes. */
  const own = ({ raw }: Client, id: string) => raw.filter((json) => ofId(id, JSON.parse(json)));

  test.each(transports)("over %s resumes at another gateway where it was cut at the first", async (transport) => {
    const id = `resume-${transport}`;
    const path = stream.replace(":id", id);
    using witness = follow("ws", other.url, path);
    await witness.count(1);
    using first = follow(transport, one.url, path);
    await first.count(1);
    for (let n = 1; n <= 3; n++) await publish(one, tail(id, n), body(n));
    await first.until(() => own(first, id).length >= 3);
    first.close();
    for (let n = 4; n <= 6; n++) await publish(n % 2 ? one : other, tail(id, n), body(n));
    using second = follow(transport, other.url, `${path}?since=${first.cursor}`);
    await publish(one, tail(id, 7), body(7));
    const { cursor } = (await witness.until(() => own(witness, id).length >= changes(7))).at(-1) ?? {};
    await second.until((frames) => frames.some((frame) => frame.cursor === cursor));
    expect([...own(first, id), ...own(second, id)]).toEqual(own(witness, id));
    expect(second.frames.filter(({ type }) => type === "snapshot")).toEqual([]);
  });

  /** How many frames so many changes make: one each, but a row's later ones change two kinds of field. */
  const changes = (count: number) => (stream === "instances" ? 2 * count - 1 : count);

  test("is the same bytes at both gateways, over all transports, whoever publishes", async () => {
    const path = stream.replace(":id", "same");
    const clients = [one, other].flatMap(({ url }) => transports.map((transport) => follow(transport, url, path)));
    await Promise.all(clients.map((client) => client.count(1)));
    await publish(one, tail("same", 1), body(1));
    await publish(other, tail("same", 2), body(2));
    nats.publish(`skein.default.${tail("same", 3).replace("/", ".")}`, JSON.stringify(body(3)));
    await Promise.all(clients.map((client) => client.until(() => own(client, "same").length >= changes(3))));
    const [expected = [], ...rest] = clients.map((client) => own(client, "same"));
    expect(expected).toHaveLength(changes(3));
    for (const found of rest) expect(found).toEqual(expected);
    for (const client of clients) client.close();
  });
});

test.each([
  ["runs.bad", '{"type":"dance"}', { type: "boot" }, "runs/bad"],
  ["instances.bad", "not JSON", { status: "running" }, "instances"],
])("An invalid body on %s appears at neither gateway and is kept as one report", async (tail, wrong, right, path) => {
  const subject = `skein.default.${tail}`;
  const reports: Seen[] = [];
  const heard = nats.subscribe("skein.default.rejected.>", { callback: (_, message) => reports.push(message.json()) });
  const clients = [one, other].map(({ url }) => follow("ws", url, path));
  const before = await Promise.all(clients.map((client) => client.count(1)));
  nats.publish(subject, wrong);
  await nats.flush();
  const http = tail.replace(".", "/");
  await publish(one, http, right);
  await Promise.all(clients.map((client) => client.count(2)));
  // Both have passed the invalid one; what each says next is said after its report.
  for (const gateway of [one, other]) await publish(gateway, http, right);
  await nats.flush();
  await expect.poll(() => kept(`skein.default.rejected.${tail}`)).toBe(1);
  expect(reports[0]).toMatchObject({ subject, reason: expect.any(String) });
  for (const [i, { frames }] of clients.entries()) {
    expect(frames[0]).toEqual(before[i]?.[0]);
    expect(frames[1]).toMatchObject(right);
  }
  for (const client of clients) client.close();
  heard.unsubscribe();
});

/** How many messages JetStream keeps of a subject. */
async function kept(subject: string): Promise<number> {
  const manager = await nats.jetstreamManager();
  const { state } = await manager.streams.info("SKEIN_REJECTED", { subjects_filter: subject });
  return state.subjects?.[subject] ?? 0;
}

test("With NATS killed clients stay, what is known is served, and after its return nobody needs to do anything", async () => {
  await publish(one, "instances/kept", { status: "running" });
  const clients = [one, other].flatMap(({ url }) =>
    (["ws", "sse"] as const).flatMap((transport) => [
      follow(transport, url, "instances"),
      follow(transport, url, "runs/outage"),
    ]),
  );
  await Promise.all(clients.map((client) => client.count(1)));
  const endings: number[] = [];
  for (const { ended } of clients) ended.then(({ code }) => endings.push(code));
  await server.kill();
  for (const gateway of [one, other]) await isServingAlone(gateway);
  expect(endings).toEqual([]);
  await server.restart();
  await Promise.all([readiness(one, 200), readiness(other, 200)]);
  await publish(one, "runs/outage", { type: "boot" });
  await publish(other, "runs/outage", { type: "task_end" });
  await publish(other, "instances/new", { status: "running" });
  for (const client of clients) {
    const last = client.frames[0]?.count === 0 ? "task_end" : "instance_created";
    await client.until((frames) => frames.some(({ type }) => type === last));
  }
  for (const { frames } of clients.filter(({ frames: [first] }) => first?.count === 0)) {
    expect(frames.map(({ type }) => type)).toEqual(["snapshot", "boot", "task_end"]);
  }
  expect(endings).toEqual([]);
  for (const client of clients) client.close();
});

/** What a gateway still does while NATS is away, and what it does not. */
async function isServingAlone(gateway: Started): Promise<void> {
  const status = async (path: string) => (await fetch(`${gateway.url}${path}`)).status;
  await readiness(gateway, 503);
  expect(await status("/healthz")).toBe(200);
  const refused = await gateway.publish("runs/outage", { type: "boot" });
  expect([refused.status, await refused.json()]).toMatchObject([503, { type: "error", code: "bus_away" }]);
  for (const transport of transports) {
    using fresh = follow(transport, gateway.url, "instances");
    const [first] = await fresh.count(1);
    expect(first).toMatchObject({ type: "snapshot" });
    expect(first?.instances).toContainEqual(expect.objectContaining({ name: "kept", status: "running" }));
  }
}
