import fc from "fast-check";
import { expect, test } from "vitest";
import { Latency } from "../../src/metrics/latency.ts";

/** The one of that share of the sorted durations, counted from 1. */
function exact(durations: readonly number[], share: number): number {
  const sorted = durations.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

test("What it says of a minute of durations is right to a fifth", () => {
  const duration = fc.double({ min: 0.02, max: 15_000, noNaN: true });
  const property = fc.property(fc.array(duration, { minLength: 1, maxLength: 300 }), (durations) => {
    let now = 1_000_000;
    const latency = new Latency(() => now);
    for (const ms of durations) latency.note(now - ms);
    now += 50_000;
    const { count, p50Ms = 0, p95Ms = 0, p99Ms = 0 } = latency.lastMinute();
    expect(count).toBe(durations.length);
    for (const [said, share] of [
      [p50Ms, 0.5],
      [p95Ms, 0.95],
      [p99Ms, 0.99],
    ] as const) {
      expect(Math.abs(said / exact(durations, share) - 1)).toBeLessThan(0.2);
    }
  });
  fc.assert(property);
});

test("Durations of several count together, and what is older than a minute is forgotten", () => {
  let now = 0;
  const [one, other] = [new Latency(() => now), new Latency(() => now)];
  const nothing = { count: 0, p50Ms: undefined, p95Ms: undefined, p99Ms: undefined };
  expect(one.lastMinute([other])).toEqual(nothing);
  one.note(now - 1);
  now += 30_000;
  for (let i = 0; i < 99; i++) other.note(now - 100);
  expect(one.lastMinute().count).toBe(1);
  expect(one.lastMinute([other])).toMatchObject({ count: 100, p50Ms: expect.closeTo(100, -2) });
  now += 30_000;
  expect(one.lastMinute([other]).count).toBe(99);
  now += 60_000;
  expect(one.lastMinute([other])).toEqual(nothing);
  one.note(now - 1);
  expect(one.lastMinute().count).toBe(1);
});

test("What took no time at all, and what took for ever, is counted as well", () => {
  const latency = new Latency(() => 1e9);
  for (const ms of [0, 1e8]) latency.note(1e9 - ms);
  expect(latency.lastMinute()).toMatchObject({ count: 2, p50Ms: expect.any(Number), p99Ms: expect.any(Number) });
});
