/** Sub-buckets per power of two: every recorded value is known to 0.1 %. */
const fine = 1024;
const buckets = fine * 24;

/** Counts of microseconds in buckets of 0.1 %, cheap enough to record every delivery, and mergeable without loss. */
export class Histogram {
  readonly counts: Uint32Array;

  constructor(counts: Uint32Array = new Uint32Array(buckets)) {
    this.counts = counts;
  }

  /** Counts one value, µs. */
  record(us: number): void {
    const value = us < 0 ? 0 : us | 0;
    const power = value < 2 * fine ? 0 : 21 - Math.clz32(value);
    const at = power * fine + (value >> power);
    this.counts[at] = (this.counts[at] as number) + 1;
  }

  /** Adds what another process recorded. */
  add(other: Histogram): void {
    for (let at = 0; at < buckets; at++) this.counts[at] = (this.counts[at] as number) + (other.counts[at] as number);
  }

  /** The value, µs, that the share `p` (0..1) of what was recorded does not exceed; NaN when nothing was recorded. */
  percentile(p: number): number {
    const total = this.counts.reduce((sum, count) => sum + count, 0);
    if (total === 0) return Number.NaN;
    let left = Math.max(1, Math.ceil(total * p));
    const at = this.counts.findIndex((count) => {
      left -= count;
      return left <= 0;
    });
    return lowest(at + 1) - 1;
  }
}

function lowest(at: number): number {
  if (at < 2 * fine) return at;
  const power = Math.floor(at / fine) - 1;
  return (at - power * fine) * 2 ** power;
}
