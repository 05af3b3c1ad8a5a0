/** How long to wait before the next attempt: 1, 2, 4, 8, 16, then 30 s, times 0.5 to 1. `random` is from 0 to 1. */
export function backoffMs(attempts: number, random: number): number {
  return Math.min(30, 2 ** attempts) * (500 + 500 * random);
}
