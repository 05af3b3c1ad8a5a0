import { beforeEach, describe, expect, test } from "vitest";
import { type Polled, Sweep } from "../../src/logs/sweep.ts";
import { ManualClock } from "../support/clock.ts";

class Counted implements Polled {
  ticks = 0;
  isRestless = false;

  async tick(): Promise<void> {
    this.ticks += 1;
  }
}

describe("the sweep", () => {
  let clock: ManualClock;
  let sweep: Sweep;

  beforeEach(() => {
    clock = new ManualClock();
    sweep = new Sweep(clock);
  });

  function add(count: number): Counted[] {
    const added = Array.from({ length: count }, () => new Counted());
    for (const one of added) sweep.add(one);
    return added;
  }

  test("polls everyone every 250 ms while they are few", () => {
    const all = add(64);
    clock.pass(1_000);
    expect(new Set(all.map(({ ticks }) => ticks))).toEqual(new Set([4]));
  });

  test("polls 64 at a time when they are many, in turn", () => {
    const all = add(160);
    clock.pass(250);
    expect(all.reduce((sum, { ticks }) => sum + ticks, 0)).toBe(64);
    clock.pass(500);
    expect(Math.min(...all.map(({ ticks }) => ticks))).toBe(1);
    expect(Math.max(...all.map(({ ticks }) => ticks))).toBe(2);
  });

  test("polls who is restless every 20 ms, until it is calm", () => {
    const [one, other] = add(2) as [Counted, Counted];
    one.isRestless = true;
    clock.pass(250);
    clock.pass(200);
    expect(one.ticks).toBe(11);
    expect(other.ticks).toBe(1);
    one.isRestless = false;
    clock.pass(49);
    const { ticks } = one;
    clock.pass(250);
    expect(one.ticks).toBe(ticks + 1);
  });

  test("polls nobody who was taken out, and begins again with the next", () => {
    const [one] = add(1) as [Counted];
    one.isRestless = true;
    clock.pass(300);
    sweep.delete(one);
    const { ticks } = one;
    clock.pass(1_000);
    expect(one.ticks).toBe(ticks);
    const [next] = add(1) as [Counted];
    clock.pass(250);
    expect(next.ticks).toBe(1);
  });
});
