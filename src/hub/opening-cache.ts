import { snapshotBytesMax } from "../protocol/limits.ts";
import { type Opening, openingSize } from "./past.ts";

const entriesMax = 256;
/** In UTF-16 code units of frames and keys; the wire forms that transports make of a frame come on top. */
const sizeMax = 2 * snapshotBytesMax;

interface Kept {
  readonly opening: Promise<Opening>;
  /** 0 until it is made. */
  size: number;
  drop(): void;
}

/**
 * The openings that the channels of a gateway share until their next change.
 *
 * Bounded in entries and size across all channels; the least recently used goes first. One that is larger than the bound
 * is kept alone.
 */
export class OpeningCache {
  /** The least recently used first. */
  readonly #kept = new Set<Kept>();
  #size = 0;

  get entries(): number {
    return this.#kept.size;
  }

  /** In UTF-16 code units. */
  get size(): number {
    return this.#size;
  }

  /** The part of one channel. */
  section(): OpeningSection {
    return new OpeningSection(this);
  }

  touch(kept: Kept): void {
    this.#kept.delete(kept);
    this.#kept.add(kept);
  }

  add(kept: Kept): void {
    this.#kept.add(kept);
    this.#shrink();
  }

  grow(kept: Kept, size: number): void {
    // It may have been dropped while it was made.
    if (!this.#kept.has(kept)) return;
    this.#size += size - kept.size;
    kept.size = size;
    this.#shrink();
  }

  delete(kept: Kept): void {
    if (this.#kept.delete(kept)) this.#size -= kept.size;
  }

  #shrink(): void {
    for (const kept of this.#kept) {
      const isOver = this.#kept.size > entriesMax || (this.#size > sizeMax && this.#kept.size > 1);
      if (!isOver) return;
      this.delete(kept);
      kept.drop();
    }
  }
}

/** What one channel keeps of its openings. */
export class OpeningSection {
  readonly #cache: OpeningCache;
  readonly #known = new Map<string, Kept>();
  #lastSize = 0;

  constructor(cache: OpeningCache) {
    this.#cache = cache;
  }

  /** How large the opening was that was made last, in UTF-16 code units; 0 before the first one. */
  get lastSize(): number {
    return this.#lastSize;
  }

  /** The opening under a key: the one that is kept or being made, or else a new one; a failure is not kept. */
  get(key: string, make: () => Promise<Opening>): Promise<Opening> {
    const known = this.#known.get(key);
    if (known) {
      this.#cache.touch(known);
      return known.opening;
    }
    const opening = make();
    const kept: Kept = { opening, size: 0, drop: () => this.#forget(key, kept) };
    this.#known.set(key, kept);
    this.#cache.add(kept);
    opening.then(
      (made) => this.#made(kept, openingSize(made), key),
      () => this.#drop(key, kept),
    );
    return opening;
  }

  /** Forgets all: what they tell is not the present any more. */
  clear(): void {
    if (this.#known.size === 0) return;
    for (const kept of this.#known.values()) this.#cache.delete(kept);
    this.#known.clear();
  }

  #made(kept: Kept, size: number, key: string): void {
    this.#lastSize = size;
    this.#cache.grow(kept, size + key.length);
  }

  #drop(key: string, kept: Kept): void {
    this.#cache.delete(kept);
    this.#forget(key, kept);
  }

  #forget(key: string, kept: Kept): void {
    if (this.#known.get(key) === kept) this.#known.delete(key);
  }
}
