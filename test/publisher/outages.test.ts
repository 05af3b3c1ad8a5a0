import { afterEach, expect, test } from "vitest";
import type { Bus } from "../../src/bus/bus.ts";
import { openNatsBus } from "../../src/bus/nats.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { connect, type Publisher } from "../../src/publisher/index.ts";
import { isUp } from "../support/buses.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { startNatsServer } from "../support/nats-server.ts";
import { layWire } from "../support/proxy.ts";
import { Collector, dropBox } from "./collector.ts";

const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** Says numbers in two runs and as two rows, and waits now and then, until it is told to stop. */
async function speak(skein: Publisher, until: Promise<void>): Promise<number> {
  let isOver = false;
  void until.then(() => {
    isOver = true;
  });
  let i = 0;
  for (; !isOver; i++) {
    void skein.publish(`runs.out-${i % 2}`, { type: "boot", i });
    void skein.swarm.agent("row", `at ${i}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return i;
}

/** What is stored, in order, of each run. */
async function stored(bus: Bus, run: number): Promise<unknown[]> {
  const journal = await bus.journal({ name: "runs", subjects: ["skein.*.runs.*"], keepMs: 7 * 86_400_000 });
  const { last } = await journal.bounds();
  const subject = `skein.default.runs.out-${run}`;
  const { messages } = await journal.read({ subject, after: 0, upTo: last, limit: 100_000 });
  return messages.map(({ data }) => JSON.parse(new TextDecoder().decode(data)).i);
}

async function expectAll(bus: Bus, count: number): Promise<void> {
  for (const run of [0, 1]) {
    expect(await stored(bus, run)).toEqual(Array.from({ length: count }, (_, i) => i).filter((i) => i % 2 === run));
  }
  const subjects = ["agents", "tasks"].map((word) => `skein.*.swarm.${word}.*`);
  const table = await bus.table({ name: "swarm", subjects });
  const row = await table.get("skein.default.swarm.agents.row");
  expect(new TextDecoder().decode(row?.data)).toBe(JSON.stringify({ status: `at ${count - 1}` }));
}

async function openGateway(url: string): Promise<{ gateway: Gateway; bus: Bus }> {
  const bus = await openNatsBus({ url, clock: systemClock });
  ends.push(() => bus.close());
  await isUp(bus);
  const gateway = await startGateway({ bus });
  ends.push(() => gateway.close());
  return { gateway, bus };
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

test.each(["NATS", "HTTP"])(
  "NATS is killed again and again: over %s nothing is lost, nothing comes twice, and all is in order",
  async (way) => {
    const server = await startNatsServer();
    ends.push(() => server.stop());
    const { bus, gateway } = await openGateway(server.url);
    const { drops, onDrop } = dropBox();
    const where = way === "NATS" ? { nats: server.url } : { http: gateway.url };
    const skein = await connect({ ...where, onExit: "nothing", onDrop });
    ends.push(() => skein.close(1));
    const over = Promise.withResolvers<void>();
    const speaking = speak(skein, over.promise);
    for (let i = 0; i < 3; i++) {
      await sleep(300);
      await server.kill();
      await sleep(300);
      await server.restart();
      await isUp(bus);
    }
    await sleep(200);
    over.resolve();
    const count = await speaking;
    expect(await skein.flush(20_000)).toMatchObject({ waiting: 0, dropped: 0 });
    expect(drops).toEqual([]);
    await expectAll(bus, count);
  },
);

test("the wire to the gateway is cut and the gateway is away for a while: nothing is lost, and nothing comes twice", async () => {
  const bus = (await startGateway()).bus;
  const first = await startGateway({ bus });
  const { port } = new URL(first.url);
  await using wire = await layWire(first.url);
  const { drops, onDrop } = dropBox();
  const skein = await connect({ http: wire.url, onExit: "nothing", onDrop });
  ends.push(() => skein.close(1));
  const over = Promise.withResolvers<void>();
  const speaking = speak(skein, over.promise);
  for (let i = 0; i < 10; i++) {
    await sleep(50);
    wire.cut();
  }
  await first.close();
  await sleep(500);
  const second = await startGateway({ bus, port: Number(port) });
  ends.push(() => second.close());
  await sleep(200);
  over.resolve();
  const count = await speaking;
  expect(await skein.flush(20_000)).toMatchObject({ waiting: 0, dropped: 0 });
  expect(drops).toEqual([]);
  await expectAll(bus, count);
});

test("a publisher that is there before NATS and before any gateway delivers when both are there", async () => {
  const server = await startNatsServer();
  ends.push(() => server.stop());
  await server.kill();
  const skein = await connect({ nats: server.url, onExit: "nothing" });
  ends.push(() => skein.close(1));
  const said = skein.run("early").boot();
  expect(await skein.flush(100)).toMatchObject({ stored: 0, waiting: 1 });
  await server.restart();
  // A subject that nothing keeps holds up nobody but itself.
  expect(await skein.flush(500)).toMatchObject({ stored: 0, waiting: 1 });
  const { bus } = await openGateway(server.url);
  using runs = await Collector.follow(bus, "runs");
  await said;
  expect(skein.tally).toEqual({ stored: 1, dropped: 0, superseded: 0, waiting: 0 });
  expect(runs.bodies.length).toBeLessThanOrEqual(1);
});

test("what a gateway refuses is dropped at once and told, and holds up nothing", async () => {
  await using gateway = await startGateway({ limits: { maxBodyBytes: 1000 } });
  const { drops, onDrop } = dropBox();
  await using skein = await connect({ http: gateway.url, onExit: "nothing", onDrop });
  const refused = skein.publish("runs.r1", { type: "boot", text: "x".repeat(2000) });
  const unknown = skein.publish("nothing.like.this", {});
  const taken = skein.run("r1").done();
  await expect(refused).rejects.toMatchObject({ code: "body_too_large" });
  await expect(unknown).rejects.toMatchObject({ code: "unknown_subject" });
  expect(await taken).toMatchObject({ duplicate: false });
  expect(drops.map(({ tail, failure }) => [tail, failure.code]).toSorted()).toEqual([
    ["nothing.like.this", "unknown_subject"],
    ["runs.r1", "body_too_large"],
  ]);
  const other = await connect({ http: `${gateway.url}/healthz/`, onExit: "nothing", onDrop });
  await expect(other.run("r").boot()).rejects.toMatchObject({ code: "not_found" });
  await other.close(1);
});
