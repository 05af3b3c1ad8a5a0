import fc from "fast-check";
import { expect, test } from "vitest";
import { World } from "../support/world.ts";

/** What can happen to a gateway and its clients, as data: what fast-check shrinks is what one reads. */
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("put"), key: fc.nat(3), value: fc.nat(2), archived: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("delete"), key: fc.nat(3) }) },
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

test("Whatever happens in whatever order, a client that applies what it got has the truth: nothing missing, nothing twice, in order", async () => {
  const property = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 80, size: "max" }), async (steps) => {
    const world = await World.open();
    try {
      for (const one of steps) await world.take(one);
      await world.settle();
      for (const client of world.clients) expect([...client.faults, ...(await world.wrong(client))]).toEqual([]);
    } finally {
      await world.close();
    }
  });
  await fc.assert(property, { numRuns: Number(process.env.SEEDS ?? 400) });
}, 120_000);
