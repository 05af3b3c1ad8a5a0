import { seeded } from "./seeded.ts";

/** Choices that are the same for the same seed. */
export class Dice {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = seeded(seed);
  }

  /** Whether it happens, at such odds from 0 to 1. */
  chance(odds: number): boolean {
    return this.#next() < odds;
  }

  /** A whole number, both ends possible. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.#next() * (most - least + 1));
  }

  pick<One>(list: readonly One[]): One {
    const one = list[this.whole(0, list.length - 1)];
    if (one === undefined) throw new Error("There is nothing to pick from");
    return one;
  }

  many<One>(count: number, make: () => One): One[] {
    return Array.from({ length: count }, make);
  }

  bytes(count: number): Buffer {
    return Buffer.from(this.many(count, () => this.whole(0, 255)));
  }

  /** The same bytes with one thing wrong: some changed, gone, put in or said twice, or the end missing. */
  mangled(bytes: Buffer): Buffer {
    const at = this.whole(0, bytes.length);
    const to = Math.min(bytes.length, at + this.whole(0, 8));
    const [before, part, after] = [bytes.subarray(0, at), bytes.subarray(at, to), bytes.subarray(to)];
    const instead = this.pick([
      () => Buffer.from(part.map((byte) => byte ^ (1 << this.whole(0, 7)))),
      () => Buffer.alloc(0),
      () => Buffer.concat([part, part]),
      () => Buffer.concat([part, this.bytes(this.whole(1, 8))]),
      () =>
        Buffer.concat([part, Buffer.from(this.pick(["\r\n", "\0", "\n", "\r", " ", ":", "%", "\x80", ";"]), "latin1")]),
    ])();
    return this.chance(0.1) ? before : Buffer.concat([before, instead, after]);
  }

  /** The same bytes in pieces: sometimes one, sometimes every byte its own. */
  split(bytes: Buffer): Buffer[] {
    if (bytes.length < 400 && this.chance(0.1)) return [...bytes].map((byte) => Buffer.from([byte]));
    const cuts = this.many(this.pick([0, 0, 1, 2, 4]), () => this.whole(0, bytes.length)).sort((a, b) => a - b);
    const ends = [...cuts, bytes.length];
    return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end)).filter(({ length }) => length > 0);
  }
}
