import fc from "fast-check";
import { expect, test } from "vitest";
import { EventCount } from "../../src/hub/event-count.ts";

test("Few events lie between any position and the nearest one whose count is known", () => {
  const gaps = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 500 });
  fc.assert(
    fc.property(gaps, fc.nat(3_000), (steps, position) => {
      const events = new EventCount();
      const positions: number[] = [];
      for (const step of steps) positions.push((positions.at(-1) ?? 0) + step);
      for (const one of positions) events.add({ position: one, last: false });
      const { from, count } = events.near(position);
      expect(from).toBeLessThanOrEqual(position);
      expect(count).toBe(positions.filter((one) => one <= from).length);
      expect(positions.filter((one) => one > from && one <= position).length).toBeLessThanOrEqual(64);
      expect(events.first).toBe(positions[0]);
    }),
  );
});
