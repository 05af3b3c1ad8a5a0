/** How long a slice of the window is, and how many slices it has: the last minute, to within five seconds. */
const sliceMs = 5000;
const slices = 12;

/** A bucket ends where the next begins; each is wider than the one before by the square root of two, from 0.02 ms to about 20 s. */
const leastMs = 0.02;
const buckets = 42;

/** How long something took in the last minute. */
export interface Durations {
  /** How many there were. */
  readonly count: number;
  /** Half took no longer, in milliseconds; undefined when there were none. */
  readonly p50Ms: number | undefined;
  readonly p95Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

/**
 * Durations of the last minute, counted in buckets that are made once: to note one allocates nothing.
 *
 * What it says of a duration is exact to a fifth.
 */
export class Latency {
  /** A steady time in milliseconds, with fractions. */
  readonly now: () => number;
  readonly #counts = new Uint32Array(slices * buckets);
  readonly #slices = new Float64Array(slices).fill(-1);

  constructor(now: () => number) {
    this.now = now;
  }

  /** Notes what began at `startedMs` and is over now. */
  note(startedMs: number): void {
    const now = this.now();
    const slice = Math.floor(now / sliceMs);
    const first = (slice % slices) * buckets;
    if (this.#slices[slice % slices] !== slice) {
      this.#slices[slice % slices] = slice;
      this.#counts.fill(0, first, first + buckets);
    }
    const at = first + bucketOf(now - startedMs);
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
  }

  /** The durations of the last minute, of this one and of others together. */
  lastMinute(others: readonly Latency[] = []): Durations {
    const sums = new Float64Array(buckets);
    for (const one of [this, ...others]) one.#addTo(sums);
    const count = sums.reduce((sum, some) => sum + some, 0);
    const at = (share: number) => quantile(sums, count * share);
    return { count, p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) };
  }

  #addTo(sums: Float64Array): void {
    const newest = Math.floor(this.now() / sliceMs);
    for (const [i, slice] of this.#slices.entries()) {
      if (slice <= newest - slices) continue;
      for (let bucket = 0; bucket < buckets; bucket++)
        sums[bucket] = (sums[bucket] ?? 0) + (this.#counts[i * buckets + bucket] ?? 0);
    }
  }
}

function bucketOf(ms: number): number {
  return Math.min(buckets - 1, Math.max(0, Math.ceil(2 * Math.log2(ms / leastMs))));
}

/** The middle of the bucket that the one of that rank is in, rounded to three digits. */
function quantile(sums: Float64Array, rank: number): number | undefined {
  let seen = 0;
  for (const [bucket, some] of sums.entries()) {
    seen += some;
    if (some > 0 && seen >= rank) return Number((leastMs * 2 ** (bucket / 2 - 0.25)).toPrecision(3));
  }
  return undefined;
}
