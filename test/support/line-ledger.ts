import { monotonicUs, readNumbered } from "./numbered-line.ts";

/** How many lines that nobody wrote are kept to be shown. */
const shownLines = 5;

/** What a follower got of a log of numbered lines, against what was written: 1, 2, 3 and so on. */
export class LineLedger {
  /** The highest number so far. */
  last = 0;
  /** Numbers that came again. */
  readonly duplicates: number[] = [];
  /** Numbers that came after a higher one. */
  readonly disordered: number[] = [];
  /** Lines that nobody wrote: cut, glued or damaged. */
  readonly torn: string[] = [];
  tornCount = 0;
  /** The longest time from writing to here, in microseconds. */
  slowestUs = 0;
  /** Numbers that did not come, and whether a gap was announced where they should have been. */
  readonly missing = new Map<number, boolean>();
  #isGapAnnounced = false;

  take(line: string): void {
    const said = readNumbered(line);
    if (said === undefined) return this.#tear(line);
    const { number, stampUs } = said;
    this.slowestUs = Math.max(this.slowestUs, monotonicUs() - stampUs);
    if (number > this.last) this.#advance(number);
    else if (this.missing.delete(number)) this.disordered.push(number);
    else this.duplicates.push(number);
  }

  /** Whoever comes late gets the newest lines only: what is before them is not missing. */
  beginWith(lines: readonly string[]): void {
    const first = readNumbered(lines[0] ?? "");
    if (first) this.last = first.number - 1;
  }

  /** The follower says that something may be missing here. */
  announceGap(): void {
    this.#isGapAnnounced = true;
  }

  /** Numbers that are missing where no gap was announced. */
  get unannounced(): number[] {
    return [...this.missing].flatMap(([number, isAnnounced]) => (isAnnounced ? [] : [number]));
  }

  /** Faults that no follower may have; nothing is in it for one that has every line once and in order, but for gaps. */
  get faults(): Readonly<Record<string, string>> {
    const { duplicates, disordered, torn, unannounced } = this;
    const faults = {
      duplicates: rangesOf(duplicates),
      disordered: rangesOf(disordered),
      torn: torn.join(" | "),
      unannounced: rangesOf(unannounced),
    };
    return Object.fromEntries(Object.entries(faults).filter(([, found]) => found !== ""));
  }

  #advance(number: number): void {
    for (let lost = this.last + 1; lost < number; lost++) this.missing.set(lost, this.#isGapAnnounced);
    this.#isGapAnnounced = false;
    this.last = number;
  }

  #tear(line: string): void {
    this.tornCount += 1;
    if (this.torn.length < shownLines) this.torn.push(line.slice(0, 200) || "an empty line");
  }
}

/** Numbers as people write them: `3–5 9`. */
export function rangesOf(numbers: Iterable<number>): string {
  const ranges: [first: number, last: number][] = [];
  for (const number of numbers) {
    const newest = ranges.at(-1);
    if (newest && newest[1] + 1 === number) newest[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}–${last}`)).join(" ");
}
