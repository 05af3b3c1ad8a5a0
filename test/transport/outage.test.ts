import { expect, test } from "vitest";
import { openNatsBus } from "../../src/bus/nats.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { journalOf } from "../../src/stream/subject.ts";
import { runs } from "../../src/streams/runs.ts";
import { isUp } from "../support/buses.ts";
import { type Client, follow, type Seen, transports } from "../support/client.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { startNatsServer } from "../support/nats-server.ts";

/** Publishes numbers over HTTP, each until it is acknowledged, from several lanes at once. */
function publishUntil(gateway: Gateway, isOver: () => boolean): Promise<number> {
  let number = 0;
  const lane = async () => {
    while (!isOver()) {
      const n = ++number;
      while (!(await isStored(gateway.url, n)));
    }
  };
  return Promise.all(Array.from({ length: 8 }, lane)).then(() => number);
}

async function isStored(url: string, n: number): Promise<boolean> {
  const body = JSON.stringify({ type: "task_end", n });
  const headers = { "Idempotency-Key": `n${n}` };
  const answer = await fetch(`${url}/api/publish/runs/load`, { method: "POST", body, headers });
  await answer.body?.cancel();
  // Anything but "stored" and "the bus is away" would be a defect that this test must not retry away.
  if (!answer.ok && answer.status !== 503) throw new Error(`Publishing answered ${answer.status}`);
  return answer.ok;
}

const numbersOf = (client: Client) => client.frames.filter(({ n }) => n !== undefined).map(({ n }) => n);

test("Through five kill -9 of nats-server under load no client misses a frame, gets one twice or has to do anything", async () => {
  const server = await startNatsServer();
  const bus = await openNatsBus({ url: server.url, clock: systemClock });
  await isUp(bus);
  await using gateway = await startGateway({ bus });
  const clients = [...transports, ...transports].map((transport) => follow(transport, gateway.url, "runs/load"));
  await Promise.all(clients.map((client) => client.count(1)));
  let isOver = false;
  const published = publishUntil(gateway, () => isOver);
  for (let kill = 1; kill <= 5; kill++) {
    const [first] = clients;
    const before = first?.raw.length ?? 0;
    await first?.count(before + 200);
    const away = new Promise((resolve) => bus.onState(resolve));
    await server.kill();
    expect(await away).toBe("away");
    expect((await fetch(`${gateway.url}/readyz`)).status).toBe(503);
    expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200);
    await server.restart();
    await isUp(bus);
  }
  isOver = true;
  const total = await published;
  const frames = await Promise.all(clients.map((client) => client.until(() => numbersOf(client).length >= total)));
  const journal = await bus.journal(journalOf(runs));
  const stored = await journal.read({ subject: "skein.default.runs.load", after: 0, upTo: 1e9, limit: 1e9 });
  const truth = stored.messages.map(({ data }) => JSON.parse(new TextDecoder().decode(data)).n);
  expect(new Set(truth).size).toBe(total);
  for (const client of clients) expect(numbersOf(client)).toEqual(truth);
  expect(frames.flat().filter(({ type }) => type === "error")).toEqual([]);
  for (const client of clients) client.close();
  await gateway.close();
  await bus.close();
  await server.stop();
}, 90_000);

test("When NATS comes back with nothing, every client is told by a fresh snapshot and goes on from there", async () => {
  const server = await startNatsServer();
  const bus = await openNatsBus({ url: server.url, clock: systemClock });
  await isUp(bus);
  await using gateway = await startGateway({ bus });
  await gateway.publish("instances/old", { status: "running" });
  await gateway.publish("runs/r1", { type: "boot" });
  const fleet = transports.map((transport) => follow(transport, gateway.url, "instances"));
  const run = transports.map((transport) => follow(transport, gateway.url, "runs/r1"));
  await Promise.all([...fleet.map((client) => client.count(1)), ...run.map((client) => client.count(2))]);
  await server.kill();
  server.wipe();
  await server.restart();
  const isResync = ({ reason }: Seen) => reason === "resync";
  for (const client of fleet) {
    const frames = await client.until((seen) => seen.some(isResync));
    expect(frames.findLast(isResync)).toMatchObject({ type: "snapshot", instances: [] });
  }
  for (const client of run) {
    const frames = await client.until((seen) => seen.some(isResync));
    expect(frames.findLast(isResync)).toMatchObject({ type: "snapshot", count: 0 });
  }
  await gateway.publish("instances/new", { status: "running" });
  for (const client of fleet) {
    const frames = await client.until((seen) => seen.at(-1)?.type === "instance_created");
    expect(frames.at(-1)).toMatchObject({ name: "new" });
    client.close();
  }
  for (const client of run) client.close();
  await gateway.close();
  await bus.close();
  await server.stop();
});
