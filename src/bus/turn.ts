import { isolate, type Report } from "../protocol/background.ts";

/** Does something at the end of this turn of the event loop, and reports what it throws. */
export function atEndOfTurn(doing: string, work: () => void, report: Report): void {
  setImmediate(() => isolate(doing, work, report));
}

/** Does something after what is running now, before anything else, and reports what it throws. */
export function afterThis(doing: string, work: () => void, report: Report): void {
  queueMicrotask(() => isolate(doing, work, report));
}

/** Settles at the end of this turn of the event loop. */
export function endOfTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
