import fc from "fast-check";
import { expect, test } from "vitest";
import { type Event, History } from "./history.ts";

const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant("write"), lines: fc.nat(4), partial: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("rename"), creates: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("copy") }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("truncate") }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("delete") }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("reopen") }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("tick") }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("turns"), count: fc.nat(20) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("settle") }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("pass"), ms: fc.nat(400) }) },
);

const history = fc.array(event, { minLength: 1, maxLength: 60, size: "max" });

test("Whatever is done to a log in whatever order, a follower gives every line once and in order, or says that some are lost", async () => {
  const property = fc.asyncProperty(history, fc.noShrink(fc.nat()), fc.boolean(), async (events, seed, isSlow) => {
    expect(await new History(seed, isSlow).run(events)).toEqual([]);
  });
  await fc.assert(property, { numRuns: Number(process.env.SEEDS ?? 2000) });
}, 600_000);
