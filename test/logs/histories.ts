import fc from "fast-check";
import { expect } from "vitest";
import { type Event, History } from "./history.ts";
import type { World } from "./world.ts";
import type { Habits } from "./writer.ts";

const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant("write"), lines: fc.nat(4), partial: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("rename"), creates: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("copy") }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("truncate") }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("delete") }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("swap") }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("reopen") }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("tick") }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("turns"), count: fc.nat(20) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("settle") }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("pass"), ms: fc.nat(400) }) },
);

const events = fc.array(event, { minLength: 1, maxLength: 60, size: "max" });
const habits: fc.Arbitrary<Habits> = fc.record({
  isDated: fc.boolean(),
  isLinked: fc.boolean(),
});

/**
 * Fails when a follower says nothing of what it lost in one of so many random histories: always the same ones, those of
 * SEED, or SEEDS new ones.
 */
export async function expectNothingLost(make: () => World & Partial<Disposable>, count: number): Promise<void> {
  const property = fc.asyncProperty(
    events,
    fc.noShrink(fc.nat()),
    fc.boolean(),
    habits,
    async (list, seed, isSlow, writerHabits) => {
      const world = make();
      try {
        expect(await new History(world, { seed, isSlow, habits: writerHabits }).run(list)).toEqual([]);
      } finally {
        world[Symbol.dispose]?.();
      }
    },
  );
  const { SEED, SEEDS } = process.env;
  const seed = SEEDS !== undefined && SEED === undefined ? {} : { seed: Number(SEED ?? 1) };
  await fc.assert(property, { numRuns: Number(SEEDS ?? count), ...seed });
}
