/** How many seconds' worth of a rate may be spent at once. */
export const burstSeconds = 10;

const burstMs = burstSeconds * 1000;

/** More are not remembered: twice this is what one table of buckets may hold. */
const generationSize = 65_536;

/** Times are sums of fractions; less than this is no difference. */
const roundingMs = 1e-3;

/**
 * Token buckets of one rate, one for each key: what was spent comes back evenly, up to ten seconds' worth.
 *
 * A bucket is one number, the time when it will be full again, and a full bucket is no bucket at all. Buckets live in
 * two generations. Every ten seconds the old one goes, and what is still owed moves on; a flood of keys ends a
 * generation early, so that a million addresses cost no more than 131,072 buckets. Whoever is forgotten then begins with
 * a full bucket, which somebody with a million addresses has anyway.
 */
export class Buckets {
  readonly #msPerToken: number;
  #young = new Map<string, number>();
  #old = new Map<string, number>();
  #bornMs = 0;

  /** A rate is in tokens a second. */
  constructor(rate: number) {
    this.#msPerToken = 1000 / rate;
  }

  /** How many buckets are remembered. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /**
   * How many milliseconds from now `amount` will be there; 0 when it is there.
   *
   * Of an amount larger than a full bucket, only a full bucket is asked for.
   */
  waitMs(key: string, amount: number, nowMs: number): number {
    const asked = Math.min(amount * this.#msPerToken, burstMs);
    const wait = this.#owedMs(key, nowMs) + asked - burstMs;
    return wait > roundingMs ? wait : 0;
  }

  /** Takes `amount`, whether it is there or not; what was not there is owed. */
  take(key: string, amount: number, nowMs: number): void {
    const fullAtMs = nowMs + this.#owedMs(key, nowMs) + amount * this.#msPerToken;
    this.#age(nowMs);
    this.#young.set(key, fullAtMs);
  }

  #owedMs(key: string, nowMs: number): number {
    const fullAtMs = this.#young.get(key) ?? this.#old.get(key) ?? nowMs;
    return Math.max(0, fullAtMs - nowMs);
  }

  #age(nowMs: number): void {
    const isCrowded = this.#young.size >= generationSize;
    if (!isCrowded && nowMs - this.#bornMs < burstMs) return;
    const old = this.#old;
    this.#old = this.#young;
    this.#young = new Map();
    this.#bornMs = nowMs;
    if (isCrowded) return;
    // Only somebody who went into debt owes anything after so long.
    for (const [key, fullAtMs] of old) if (fullAtMs > nowMs && !this.#old.has(key)) this.#young.set(key, fullAtMs);
  }
}
