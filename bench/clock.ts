/**
 * One clock for every process of a run: the machine's monotonic clock, in microseconds since the run's origin.
 *
 * `process.hrtime` reads the same counter in every process of one machine, so a stamp made by the publisher can be
 * subtracted from one made by a load client.
 */
export class Clock {
  readonly #origin: bigint;

  constructor(origin: bigint) {
    this.#origin = origin;
  }

  /** Microseconds since the origin. */
  now(): number {
    return Number(process.hrtime.bigint() - this.#origin) / 1000;
  }
}

const parked = new Int32Array(new SharedArrayBuffer(4));

/**
 * Waits until `atUs`. The event loop's timers are a millisecond wide, so the last stretch is slept with a futex, which
 * is some 50 µs wide and burns no CPU that the server under test could have used.
 */
export async function sleepUntil(clock: Clock, atUs: number): Promise<void> {
  const farMs = Math.floor((atUs - clock.now()) / 1000) - 2;
  if (farMs > 0) await sleep(farMs);
  const leftMs = (atUs - clock.now()) / 1000;
  if (leftMs > 0) Atomics.wait(parked, 0, 0, leftMs);
}

/** Resolves after `ms` milliseconds. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
