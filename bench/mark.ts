/**
 * What is written into every frame so that a client can tell which one it is and when it was published:
 * `"mark":"<8 digits of sequence><10 digits of microseconds>"`. Fixed width, so that a reader needs no JSON parser, and a
 * plain string, so that every server passes it through.
 */
const key = Buffer.from('"mark":"');
const seqDigits = 8;
const atDigits = 10;
const textBytes = key.length + seqDigits + atDigits;

/** Run events must carry a timestamp; nothing reads this one. */
const timestamp = "2026-01-01T00:00:00.000Z";

/** One payload of `bytes` bytes (or a little more, when `bytes` is too small for the fields). */
export function payload(seq: number, atUs: number, bytes: number): string {
  const mark = String(seq).padStart(seqDigits, "0") + String(Math.floor(atUs)).padStart(atDigits, "0");
  const head = `{"type":"task_end","run_id":"bench","timestamp":"${timestamp}","mark":"${mark}","note":"`;
  return `${head}${"x".repeat(Math.max(0, bytes - head.length - 2))}"}`;
}

/** Finds marks, guessing first that one stands where it stood in the frame before. */
export class MarkReader {
  /** The sequence number of the mark found last. */
  seq = 0;
  /** Its time of publishing, µs. */
  atUs = 0;
  #offset = 0;

  /** Reads the mark between `start` and `end`; false when there is none. */
  read(slab: Buffer, start: number, end: number): boolean {
    let place = start + this.#offset;
    if (place + textBytes > end || !hasKey(slab, place)) {
      place = slab.subarray(start, end).indexOf(key) + start;
      if (place < start || place + textBytes > end) return false;
      this.#offset = place - start;
    }
    this.seq = digits(slab, place + key.length, seqDigits);
    this.atUs = digits(slab, place + key.length + seqDigits, atDigits);
    return true;
  }
}

const [quote = 0, m = 0, a = 0, r = 0, k = 0] = key;

function hasKey(slab: Buffer, at: number): boolean {
  return slab[at] === quote && slab[at + 1] === m && slab[at + 2] === a && slab[at + 3] === r && slab[at + 4] === k;
}

function digits(slab: Buffer, start: number, count: number): number {
  let value = 0;
  for (let at = start; at < start + count; at++) value = value * 10 + (slab[at] as number) - 48;
  return value;
}
