import { afterEach, describe, expect, test } from "vitest";
import type { Bus } from "../../src/bus/bus.ts";
import { openNatsBus } from "../../src/bus/nats.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { type StrictNats, startStrictNats } from "../support/strict-nats.ts";
import { Recorder, stateOf } from "./recorder.ts";

const megabyte = 1_000_000;
const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

async function openUp({ server }: StrictNats): Promise<Bus> {
  const bus = await openNatsBus({ url: server.url, clock: systemClock });
  ends.push(() => bus.close());
  await stateOf(bus, "up");
  return bus;
}

async function serve(maxPending: "16MB" | "64MB"): Promise<StrictNats> {
  const nats = await startStrictNats(maxPending);
  ends.push(async () => nats[Symbol.asyncDispose]());
  return nats;
}

/** A body of one megabyte that says its number. */
function numbered(i: number): Uint8Array {
  return new Uint8Array(megabyte).fill(i % 256);
}

// A server of the default configuration cuts off a connection that has 64 MB to read.
describe.each(["16MB", "64MB"] as const)("Where NATS keeps %s for a connection", (maxPending) => {
  test("several tables with much more are read at once, whole, without the connection being cut", async () => {
    const nats = await serve(maxPending);
    const specs = [1, 2, 3, 4].map((n) => ({ name: `large${n}`, subjects: [`large${n}.*`] }));
    const writer = await openUp(nats);
    for (const { name, subjects } of specs) {
      const table = await writer.table({ name, subjects });
      for (let i = 0; i < 30; i++) await table.put(`${name}.${i}`, numbered(i));
    }
    const bus = await openUp(nats);
    let cuts = 0;
    bus.onState(() => (cuts += 1));
    const recorders = await Promise.all(
      specs.map(async (spec) => {
        const recorder = new Recorder();
        (await bus.table(spec)).follow(recorder);
        await recorder.until(({ levels }) => levels === 1);
        return recorder;
      }),
    );
    for (const { messages, epochs } of recorders) {
      expect(messages.map(({ data }) => [data.length, data[0]])).toEqual(
        Array.from({ length: 30 }, (_, i) => [megabyte, i]),
      );
      expect(epochs).toHaveLength(1);
    }
    expect([cuts, await nats.slowConsumers()]).toEqual([0, 0]);
  });

  test("newcomers read a journal of large events while others do, whole, without the connection being cut", async () => {
    const nats = await serve(maxPending);
    const spec = { name: "large", subjects: ["large.*"], keepMs: 3_600_000 };
    const writer = await (await openUp(nats)).journal(spec);
    for (let i = 0; i < 60; i++) await writer.append("large.a", numbered(i));
    const bus = await openUp(nats);
    let cuts = 0;
    bus.onState(() => (cuts += 1));
    const journal = await bus.journal(spec);
    const range = { subject: "large.a", after: 0, upTo: 60, limit: 1_000 };
    const readings = await Promise.all([1, 2, 3, 4].map(() => journal.read(range)));
    for (const { messages, more } of readings) {
      expect(messages.map(({ data }) => data[0])).toEqual(Array.from({ length: 60 }, (_, i) => i));
      expect(more).toBe(false);
    }
    const newest = await Promise.all([1, 2, 3, 4].map(() => journal.recent({ ...range, limit: 25 })));
    for (const { messages } of newest) expect(messages.map(({ position }) => position)).toEqual(range25);
    expect([cuts, await nats.slowConsumers()]).toEqual([0, 0]);
  });

  test("a reader that was away while many large events came catches up with all of them", async () => {
    const nats = await serve(maxPending);
    const specs = [1, 2, 3].map((n) => ({ name: `missed${n}`, subjects: [`missed${n}.*`], keepMs: 3_600_000 }));
    const bus = await openUp(nats);
    const recorders = await Promise.all(
      specs.map(async (spec) => {
        const recorder = new Recorder();
        (await bus.journal(spec)).follow(recorder);
        await recorder.until(({ levels }) => levels === 1);
        return recorder;
      }),
    );
    await nats.server.kill();
    await stateOf(bus, "away");
    await nats.server.restart();
    const writer = await openUp(nats);
    for (const spec of specs) {
      const journal = await writer.journal(spec);
      for (let i = 0; i < 40; i++) await journal.append(`${spec.name}.a`, numbered(i));
    }
    for (const recorder of recorders) {
      await recorder.until(({ messages }) => messages.length === 40);
      expect(recorder.messages.map(({ data }) => data[0])).toEqual(Array.from({ length: 40 }, (_, i) => i));
      expect(recorder.story).not.toContain("gap");
    }
    expect(await nats.slowConsumers()).toBe(0);
  });
});

const range25 = Array.from({ length: 25 }, (_, i) => 36 + i);
