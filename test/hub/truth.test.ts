import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openNatsBus } from "../../src/bus/nats.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { isUp } from "../support/buses.ts";
import { startNatsServer } from "../support/nats-server.ts";
import { type Step, World } from "../support/world.ts";

/** What can happen to a gateway and its clients, as data: what fast-check shrinks is what one reads. */
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("put"), key: fc.nat(3), value: fc.nat(2), archived: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("delete"), key: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("own"), key: fc.nat(3), value: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("disown"), key: fc.nat(3) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("event"), from: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("garbage"), key: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("connect"), kind: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("cut"), client: fc.nat(7) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("resume"), client: fc.nat(7) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("stall"), client: fc.nat(7) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("drain"), client: fc.nat(7) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("filter"), client: fc.nat(7), value: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("age"), hours: fc.integer({ min: 1, max: 30 }) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("turn") }) },
);

const history = fc.array(step, { minLength: 1, maxLength: 80, size: "max" });

async function holds(world: World, steps: readonly Step[]): Promise<void> {
  try {
    for (const one of steps) await world.take(one);
    await world.settle();
    expect(await world.faults()).toEqual([]);
  } finally {
    await world.close();
  }
}

describe("Whatever happens in whatever order, a client that applies what it got has the truth, nothing missing and nothing twice", () => {
  test("on the embedded bus, where the old is forgotten", async () => {
    const property = fc.asyncProperty(history, async (steps) => holds(await World.open(), steps));
    await fc.assert(property, { numRuns: Number(process.env.SEEDS ?? 150) });
  }, 600_000);

  test("on NATS, through two gateways", async () => {
    const server = await startNatsServer();
    const bus = await openNatsBus({ url: server.url, clock: systemClock });
    await isUp(bus);
    let worlds = 0;
    // A store of last values may drop a good record for the bad one that follows it before anybody has seen the good one.
    const clean = history.map((steps) => steps.filter((one) => one.do !== "garbage"));
    const property = fc.asyncProperty(clean, async (steps) => holds(await World.on(bus, `o${++worlds}`), steps));
    await fc.assert(property, { numRuns: Number(process.env.SEEDS ?? 75) });
    await bus.close();
    await server.stop();
  }, 600_000);
});
