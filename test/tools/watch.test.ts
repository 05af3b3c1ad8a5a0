import { afterEach, describe, expect, test } from "vitest";
import type { Bus, Journal } from "../../src/bus/bus.ts";
import { openNatsBus } from "../../src/bus/nats.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { accept } from "../../src/stream/accept.ts";
import { graph } from "../../src/streams/graph.ts";
import { ToolWatch } from "../../src/tools/watch.ts";
import { bodyOf, Collector } from "../publisher/collector.ts";
import { buses, isUp } from "../support/buses.ts";
import { ManualClock } from "../support/clock.ts";
import { startGateway } from "../support/gateway.ts";
import { startNatsServer } from "../support/nats-server.ts";

const spec = { name: "graph", subjects: ["skein.*.graph.*"], keepMs: 24 * 60 * 60 * 1000 };
const subject = "skein.acme.graph.c1";
const bytes = (body: object) => new TextEncoder().encode(JSON.stringify(body));
const begin = { type: "tool_start", run_id: "r", agent_id: "a", tool: "pytest", call_id: "k1", lease_s: 30 };

const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** A watch of a gateway, whose time passes when it is told. */
class Station {
  readonly clock = new ManualClock();
  readonly watch: ToolWatch;
  readonly faults: unknown[] = [];

  constructor(bus: Bus) {
    const report = (fault: unknown) => this.faults.push(fault);
    this.watch = new ToolWatch({ bus, clock: this.clock, random: () => 0.5, journal: spec, report });
    ends.push(() => this.watch.close());
  }

  static async start(bus: Bus): Promise<Station> {
    const station = new Station(bus);
    await station.watch.start();
    return station;
  }

  /** Lets seconds pass, each with all that comes of it. */
  async pass(seconds: number): Promise<void> {
    for (let i = 0; i < seconds; i++) {
      this.clock.pass(1000);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

/** Everything that is stored of a subject. */
async function stored(journal: Journal, of = subject): Promise<Record<string, unknown>[]> {
  const { last } = await journal.bounds();
  const { messages } = await journal.read({ subject: of, after: 0, upTo: last, limit: 1000 });
  return messages.map(bodyOf);
}

const typesOf = (bodies: readonly Record<string, unknown>[]) => bodies.map(({ type }) => type);

/** Appends and waits until every follower has it. */
async function say(bus: Bus, collector: Collector, body: object, to = subject): Promise<void> {
  const journal = await bus.journal(spec);
  const before = collector.events.length;
  await journal.append(to, bytes(body));
  await collector.until(({ length }) => length > before);
  await new Promise((resolve) => setTimeout(resolve, 10));
}

describe.each(buses)("On %s", (_, open) => {
  async function scene() {
    const { bus, ...rest } = await open();
    ends.push(() => rest[Symbol.asyncDispose]());
    const journal = await bus.journal(spec);
    const collector = await Collector.follow(bus, "graph");
    ends.push(() => collector[Symbol.dispose]());
    return { bus, journal, collector };
  }

  test("a tool whose lease lapses has ended with an error, which says why", async () => {
    const { bus, journal, collector } = await scene();
    const station = await Station.start(bus);
    await say(bus, collector, begin);
    await station.pass(29);
    expect(typesOf(await stored(journal))).toEqual(["tool_start"]);
    await station.pass(2);
    const [, end] = await collector.until(({ length }) => length === 2);
    expect(end).toMatchObject({
      ...{ type: "tool_end", run_id: "r", agent_id: "a", tool: "pytest", call_id: "k1" },
      ...{ status: "error", exit_code: null, reason: "lease lapsed" },
    });
    await station.pass(70);
    expect(typesOf(await stored(journal))).toEqual(["tool_start", "tool_end"]);
    expect(station.faults).toEqual([]);
  });

  test("a word of the tool renews its lease, its end ends it, and what promises nothing is left alone", async () => {
    const { bus, journal, collector } = await scene();
    const station = await Station.start(bus);
    await say(bus, collector, begin);
    await say(bus, collector, { ...begin, call_id: "k2", lease_s: 40 });
    await say(bus, collector, { type: "tool_start", tool: "git", call_id: "k3" });
    await say(bus, collector, { type: "tool_start", tool: "git", call_id: "k4", lease_s: 61 });
    await journal.append(subject, new TextEncoder().encode("no JSON lease_s"));
    for (const word of [{ type: "tool_lease" }, { type: "tool_progress", tool: "pytest", progress: 0.5 }]) {
      await station.pass(20);
      await say(bus, collector, { ...word, call_id: "k1" });
    }
    // The same name of another crew or org is another call.
    await say(bus, collector, { type: "tool_lease", call_id: "k2" }, "skein.acme.graph.c2");
    await say(bus, collector, { type: "tool_lease", call_id: "k2" }, "skein.other.graph.c1");
    await station.pass(3);
    const ends = async () => (await stored(journal)).filter(({ type }) => type === "tool_end");
    await collector.until((bodies) => typesOf(bodies).includes("tool_end"));
    expect((await ends()).map(({ call_id }) => call_id)).toEqual(["k2"]);
    await say(bus, collector, { type: "tool_end", tool: "pytest", call_id: "k1", status: "success" });
    await station.pass(70);
    expect((await ends()).map(({ call_id }) => call_id)).toEqual(["k2", "k1"]);
  });

  test("of several gateways one ends it, and a word that comes too late changes nothing", async () => {
    const { bus, journal, collector } = await scene();
    const stations = await Promise.all([1, 2, 3].map(() => Station.start(bus)));
    await say(bus, collector, begin);
    await Promise.all(stations.map((station) => station.pass(35)));
    await collector.until(({ length }) => length === 2);
    await say(bus, collector, { type: "tool_lease", call_id: "k1" });
    await say(bus, collector, { type: "tool_progress", tool: "pytest", call_id: "k1" });
    await Promise.all(stations.map((station) => station.pass(120)));
    expect(typesOf(await stored(journal))).toEqual(["tool_start", "tool_end", "tool_lease", "tool_progress"]);
  });

  test("a gateway that starts later ends what was left, and what has ended not again", async () => {
    const { bus, journal, collector } = await scene();
    const first = await Station.start(bus);
    await say(bus, collector, { ...begin, call_id: "over" });
    await say(bus, collector, { ...begin, call_id: "left", lease_s: 60 });
    await first.pass(32);
    await collector.until(({ length }) => length === 3);
    await first.watch.close();
    await first.pass(60);
    const second = await Station.start(bus);
    await second.pass(59);
    expect((await stored(journal)).length).toBe(3);
    await second.pass(3);
    await collector.until(({ length }) => length === 4);
    await second.pass(60);
    const ended = (await stored(journal)).filter(({ type }) => type === "tool_end");
    expect(ended.map(({ call_id }) => call_id)).toEqual(["over", "left"]);
  });

  test("an org that guesses where and when a tool began cannot keep its end from being stored", async () => {
    const { bus, journal, collector } = await scene();
    const station = await Station.start(bus);
    await say(bus, collector, begin);
    const { last } = await journal.bounds();
    for (const guess of ["", `-${Date.now() - 60_000}`]) {
      const id = `lapse-${subject}-k1-${last}${guess}`;
      await journal.append("skein.rival.graph.c1", bytes({ type: "tool_end", call_id: "x" }), id);
    }
    await station.pass(32);
    await collector.until((bodies) => bodies.some(({ reason }) => reason === "lease lapsed"));
    expect(typesOf(await stored(journal))).toEqual(["tool_start", "tool_end"]);
  });

  test("a call that begins anew under its old name is another call", async () => {
    const { bus, journal, collector } = await scene();
    const station = await Station.start(bus);
    for (let i = 1; i <= 2; i++) {
      await say(bus, collector, begin);
      await station.pass(32);
      await collector.until(({ length }) => length === 2 * i);
    }
    expect(typesOf(await stored(journal))).toEqual(["tool_start", "tool_end", "tool_start", "tool_end"]);
  });
});

test("an outage of the bus is no silence of the tools: they get their whole time again", async () => {
  const server = await startNatsServer();
  ends.push(() => server.stop());
  const bus = await openNatsBus({ url: server.url, clock: systemClock });
  ends.push(() => bus.close());
  await isUp(bus);
  const journal = await bus.journal(spec);
  const collector = await Collector.follow(bus, "graph");
  const station = await Station.start(bus);
  await say(bus, collector, begin);
  await server.kill();
  await station.pass(100);
  await server.restart();
  await isUp(bus);
  await station.pass(20);
  expect(typesOf(await stored(journal))).toEqual(["tool_start"]);
  await station.pass(20);
  await collector.until(({ length }) => length === 2);
  expect(typesOf(await stored(journal))).toEqual(["tool_start", "tool_end"]);
});

test("a gateway watches by itself, in the time of the wall", async () => {
  const gateway = await startGateway();
  ends.push(() => gateway.close());
  using collector = await Collector.follow(gateway.bus, "graph");
  await gateway.publish("graph/c1", { ...begin, lease_s: 1 });
  const [, end] = await collector.until(({ length }) => length === 2);
  expect(end).toMatchObject({ type: "tool_end", call_id: "k1", status: "error" });
  const body = new TextEncoder().encode(JSON.stringify(end));
  expect(accept(graph, { names: { crew_id: "c1" }, atMs: 0 }, body)).toMatchObject({ type: "tool_end", crew_id: "c1" });
});
