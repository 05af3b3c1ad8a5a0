import type { Range, Stored } from "./bus.ts";

/** Whether a reading stopped at one of the bounds of its range. */
export function isFull(messages: readonly Stored[], { limit, bytes = Number.POSITIVE_INFINITY }: Range): boolean {
  if (messages.length >= limit) return true;
  let size = 0;
  for (const { data } of messages) size += data.length;
  return size >= bytes;
}
