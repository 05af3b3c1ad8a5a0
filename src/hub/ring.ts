import { isAfter, type Place } from "../protocol/cursor.ts";
import type { Frame } from "../protocol/frame.ts";

/** A frame of a channel with its place and what filters look at. */
export interface Entry extends Place {
  readonly frame: Frame;
  /** The change or event behind the frame. */
  readonly item: unknown;
  /** Whether the stream is over after it. */
  readonly last: boolean;
}

/** The newest entries of a channel, counted from 0 for the channel's life and bounded by number and bytes. */
export class Ring {
  /** Every entry after this place is here, or was never in the channel. */
  floor: Place = { position: 0, part: 0 };
  readonly #limits: RingLimits;
  #entries: Entry[] = [];
  #start = 0;
  #dropped = 0;
  #size = 0;

  constructor(limits: RingLimits) {
    this.#limits = limits;
  }

  /** The count of the oldest entry still here. */
  get tail(): number {
    return this.#dropped;
  }

  /** The count that the next entry will have. */
  get head(): number {
    return this.#dropped + this.#entries.length - this.#start;
  }

  /** In UTF-16 code units of frames. */
  get size(): number {
    return this.#size;
  }

  push(entry: Entry): void {
    this.#entries.push(entry);
    this.#size += entry.frame.json.length;
    while (this.#isOver()) this.#drop();
    if (this.#start > 1024 && this.#start * 2 > this.#entries.length) this.#compact();
  }

  /** The entries with a count from `from` on, oldest first; those before `tail` are gone. */
  from(from: number): Entry[] {
    return this.#entries.slice(this.#start + Math.max(0, from - this.#dropped));
  }

  /** The count of the first entry after a place, or undefined when some of what came after it is gone. */
  countAfter(place: Place): number | undefined {
    const entries = this.after(place);
    return entries && this.head - entries.length;
  }

  /** The entries after a place, or undefined when some of them are gone. */
  after(cursor: Place): Entry[] | undefined {
    if (isAfter(this.floor, cursor)) return undefined;
    let low = this.#start;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = this.#entries[middle];
      if (entry !== undefined && isAfter(entry, cursor)) high = middle;
      else low = middle + 1;
    }
    return this.#entries.slice(low);
  }

  /** Forgets everything. The counts go on after a hole, so that no count from before, not even the next one, is one of the new. */
  clear(floor: Place): void {
    this.#dropped = this.head + 1;
    this.#entries = [];
    this.#start = 0;
    this.#size = 0;
    this.floor = floor;
  }

  #isOver(): boolean {
    return this.head - this.tail > this.#limits.ringFrames || this.#size > this.#limits.ringBytes;
  }

  #drop(): void {
    const entry = this.#entries[this.#start];
    if (entry === undefined) return;
    this.floor = { position: entry.position, part: entry.part };
    this.#size -= entry.frame.json.length;
    this.#start += 1;
    this.#dropped += 1;
  }

  #compact(): void {
    this.#entries = this.#entries.slice(this.#start);
    this.#start = 0;
  }
}

export interface RingLimits {
  /** How many frames a channel remembers. */
  readonly ringFrames: number;
  /** How many bytes of frames a channel remembers, about. */
  readonly ringBytes: number;
}
