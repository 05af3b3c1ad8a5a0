import { plainText } from "./ansi.ts";
import type { LineStore } from "./line-store.ts";

/** How many lines are looked at before the clock is. */
const stride = 500;

/** The lines of a store that hold a text, found bit by bit: lines go on coming, and the page is never held up. */
export class Search {
  readonly #store: LineStore;
  #pattern: RegExp | undefined;
  /** The numbers of the lines that hold it, the oldest first. */
  #found: number[] = [];
  /** Up to which number has been looked. */
  #looked = 0;

  constructor(store: LineStore) {
    this.#store = store;
  }

  /** Looks for another text, in capitals or not; for nothing when it is empty. */
  lookFor(text: string): void {
    this.#pattern = text === "" ? undefined : new RegExp(text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"), "giu");
    this.#found = [];
    this.#looked = 0;
  }

  /** What is looked for, with the flag `g`. */
  get pattern(): RegExp | undefined {
    return this.#pattern;
  }

  /** How many lines hold it, as far as has been looked. */
  get count(): number {
    return this.#found.length;
  }

  /** Goes on looking until everything was looked at, which is answered with true, or `isTime` says that it was enough. */
  goOn(isTime: () => boolean): boolean {
    const pattern = this.#pattern;
    if (!pattern) return true;
    const { first, end } = this.#store;
    this.#forgetBefore(first);
    this.#looked = Math.max(this.#looked, first);
    while (this.#looked < end) {
      const until = Math.min(this.#looked + stride, end);
      for (; this.#looked < until; this.#looked++)
        if (this.#holds(pattern, this.#looked)) this.#found.push(this.#looked);
      if (this.#looked < end && isTime()) return false;
    }
    return true;
  }

  /** The next line after a number that holds it, or the first of all; `undefined` when none does. */
  after(number: number): number | undefined {
    return this.#found[this.#placeOf(number + 1)] ?? this.#found[0];
  }

  /** The last line before a number that holds it, or the last of all. */
  before(number: number): number | undefined {
    return this.#found[this.#placeOf(number) - 1] ?? this.#found.at(-1);
  }

  /** The place of a found line among all of them, from 1 on; 0 when it is none of them. */
  ordinalOf(number: number): number {
    const place = this.#placeOf(number);
    return this.#found[place] === number ? place + 1 : 0;
  }

  #holds(pattern: RegExp, number: number): boolean {
    const entry = this.#store.get(number);
    if (typeof entry !== "string") return false;
    pattern.lastIndex = 0;
    return pattern.test(plainText(entry));
  }

  #forgetBefore(first: number): void {
    const place = this.#placeOf(first);
    if (place > 0) this.#found.splice(0, place);
  }

  /** The place of the first found line that is not before a number. */
  #placeOf(number: number): number {
    let low = 0;
    let high = this.#found.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#found[middle] ?? 0) < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
