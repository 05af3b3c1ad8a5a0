import { beforeEach, describe, expect, test } from "vitest";
import { Batcher } from "../../src/logs/batch.ts";
import type { LinesStep, LogStep, RotatedStep } from "../../src/protocol/log.ts";
import { ManualClock } from "../support/clock.ts";

const generation = "g".repeat(15);

function lines(from: number, to: number, ...texts: string[]): LinesStep {
  return { lines: texts, generation, from, to, mark: `mark${String(to).padStart(3, "0")}` };
}

const next = { generation: "h".repeat(15), offset: 0, mark: "0000000" };
const rotated: RotatedStep = { rotated: "renamed", generation, from: 20, next, timestamp: "2026-01-01T00:00:00.000Z" };

describe("steps of a log", () => {
  let clock: ManualClock;
  let published: LogStep[];
  let batcher: Batcher;

  beforeEach(() => {
    clock = new ManualClock();
    published = [];
    const limits = { batchMs: 100, batchBytes: 1000 };
    batcher = new Batcher({ clock, limits, publish: (step) => void published.push(step) });
  });

  test("leave at once when the log was quiet, then together", () => {
    batcher.take(lines(0, 10, "a"));
    expect(published).toEqual([lines(0, 10, "a")]);
    clock.pass(50);
    batcher.take(lines(10, 20, "b"));
    batcher.take(lines(20, 30, "c", "d"));
    clock.pass(49);
    expect(published).toHaveLength(1);
    clock.pass(1);
    expect(published).toEqual([lines(0, 10, "a"), lines(10, 30, "b", "c", "d")]);
    clock.pass(100);
    batcher.take(lines(30, 40, "e"));
    expect(published).toHaveLength(3);
  });

  test("leave earlier when there is enough of them, and are never made larger than that by waiting", () => {
    batcher.take(lines(0, 10, "a"));
    batcher.take(lines(10, 910, "b"));
    expect(published).toHaveLength(1);
    batcher.take(lines(910, 1110, "c"));
    expect(published).toEqual([lines(0, 10, "a"), lines(10, 910, "b")]);
    batcher.take(lines(1110, 1910, "d"));
    expect(published.at(-1)).toEqual(lines(910, 1910, "c", "d"));
  });

  test("never wait behind a rotation or late lines, and keep their order", () => {
    batcher.take(lines(0, 10, "a"));
    batcher.take(lines(10, 20, "b"));
    batcher.take(rotated);
    batcher.take({ ...lines(0, 5, "c"), generation: next.generation });
    const late: LinesStep = { ...lines(5, 5, "late"), generation: next.generation };
    batcher.take(late);
    expect(published).toEqual([
      lines(0, 10, "a"),
      lines(10, 20, "b"),
      rotated,
      { ...lines(0, 5, "c"), generation: next.generation },
      late,
    ]);
  });

  test("are not merged across a hole", () => {
    batcher.take(lines(0, 10, "a"));
    batcher.take(lines(10, 20, "b"));
    batcher.take(lines(25, 30, "c"));
    expect(published).toEqual([lines(0, 10, "a"), lines(10, 20, "b")]);
    clock.pass(100);
    expect(published.at(-1)).toEqual(lines(25, 30, "c"));
  });

  test("leave a place behind: where the last published one ended", () => {
    expect(batcher.place).toBeUndefined();
    batcher.take(lines(0, 10, "a"));
    batcher.take(lines(10, 20, "b"));
    expect(batcher.place).toEqual({ generation, offset: 10, mark: "mark010" });
    clock.pass(100);
    expect(batcher.place).toEqual({ generation, offset: 20, mark: "mark020" });
    batcher.take(rotated);
    expect(batcher.place).toEqual(next);
  });

  test("are not published any more once it is closed, and no timer is left", () => {
    batcher.take(lines(0, 10, "a"));
    batcher.take(lines(10, 20, "b"));
    batcher.close();
    batcher.take(lines(20, 30, "c"));
    clock.pass(1000);
    expect(published).toHaveLength(1);
  });

  test("are waited for as long as publishing asks to", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const slow = new Batcher({ clock, limits: { batchMs: 0, batchBytes: 1000 }, publish: () => promise });
    let isTaken = false;
    const taken = Promise.resolve(slow.take(lines(0, 10, "a"))).then(() => {
      isTaken = true;
    });
    await Promise.resolve();
    expect(isTaken).toBe(false);
    resolve();
    await taken;
  });
});
