import type { Clock } from "../protocol/clock.ts";

/** Settles after that many milliseconds. */
export function pause(clock: Clock, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  clock.after(ms, resolve);
  return promise;
}
