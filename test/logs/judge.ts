import { beginsAt, endOf, type LogPlace, type LogStep } from "../../src/protocol/log.ts";
import type { Life } from "./writer.ts";

/** What was seen of a log, in order. */
export type Seen = { readonly number: number; readonly isLate: boolean } | "gap";

/** What is wrong with a sequence of steps by itself, and what they tell. */
export function judge(steps: readonly LogStep[], start: LogPlace | undefined): { faults: string[]; seen: Seen[] } {
  const faults: string[] = [];
  const seen: Seen[] = [];
  let place = start;
  let held = "";
  for (const step of steps) {
    if (place && !beginsAt(step, place))
      faults.push(`${JSON.stringify(step)} does not begin at ${JSON.stringify(place)}`);
    place = endOf(step);
    if ("rotated" in step) {
      if (step.lost) seen.push("gap");
      continue;
    }
    const isLate = step.from === step.to;
    for (const line of step.lines) {
      const text = /^\d{6};$/.test(line) ? line : held + line;
      if (/^\d{6};$/.test(text)) seen.push({ number: Number.parseInt(text, 10), isLate });
      else if (!/^\d{0,6};?$/.test(line)) faults.push(`nobody wrote ${line}`);
      if (/^\d{3}$/.test(line)) held = line;
    }
  }
  return { faults, seen };
}

type LifeOf = (number: number) => Life | undefined;

/**
 * Lives of which nothing had come when they were over, and that came after later ones.
 *
 * What was written, copied and truncated between two looks can be found only when the copy is come upon.
 */
export function displacedLives(seen: readonly Seen[], lifeOf: LifeOf): Set<Life> {
  const known = new Set<Life>();
  const displaced = new Set<Life>();
  let last = -1;
  for (const one of seen) {
    const life = one === "gap" || one.isLate ? undefined : lifeOf(one.number);
    if (one === "gap" || !life) continue;
    if (one.number < last && life.fate !== "kept" && !known.has(life)) displaced.add(life);
    known.add(life);
    last = Math.max(last, one.number);
  }
  return displaced;
}

/** Numbers that came twice, and those that came in the wrong order; not late ones, nor those of displaced lives. */
export function disorder(seen: readonly Seen[], lifeOf: LifeOf): string[] {
  const faults: string[] = [];
  const numbers = new Set<number>();
  const displaced = displacedLives(seen, lifeOf);
  let last = -1;
  for (const one of seen) {
    if (one === "gap") continue;
    if (numbers.has(one.number)) faults.push(`${one.number} came twice`);
    numbers.add(one.number);
    const life = lifeOf(one.number);
    if (one.isLate || !life || displaced.has(life)) continue;
    if (one.number < last) faults.push(`${one.number} came after ${last}`);
    last = Math.max(last, one.number);
  }
  return faults;
}

/** Numbers that are missing without a gap where they should be. */
export function silentlyMissing(seen: readonly Seen[], expected: readonly number[]): number[] {
  const there = new Set(seen.map((one) => (one === "gap" ? -1 : one.number)));
  const gaps: [number, number][] = [];
  let last = -1;
  let isGap = false;
  for (const one of seen) {
    if (one === "gap") isGap = true;
    else if (!one.isLate) {
      if (isGap) gaps.push([last, one.number]);
      isGap = false;
      last = Math.max(last, one.number);
    }
  }
  if (isGap) gaps.push([last, Number.POSITIVE_INFINITY]);
  return expected.filter((number) => !there.has(number) && !gaps.some(([from, to]) => from < number && number < to));
}
