import type { Clock } from "./clock.ts";

/** Takes an exception that no request can answer for; it must not throw. */
export type Report = (fault: unknown) => void;

/** An exception outside of any request, with what was being done; `cause` is the exception itself. */
export class BackgroundError extends Error {
  constructor(doing: string, cause: unknown) {
    super(`${doing}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = "BackgroundError";
  }
}

/** Reports what `work` rejects with, for a promise that nothing awaits. */
export function inBackground(doing: string, work: Promise<unknown>, report: Report): void {
  work.catch((thrown: unknown) => report(new BackgroundError(doing, thrown)));
}

/** Runs a callback and reports what it throws. False when it threw. */
export function isolate(doing: string, work: () => void, report: Report): boolean {
  try {
    work();
    return true;
  } catch (thrown) {
    report(new BackgroundError(doing, thrown));
    return false;
  }
}

/** The same listener, which reports what it throws. */
export function isolated<Args extends readonly unknown[]>(
  doing: string,
  listener: (...args: Args) => void,
  report: Report,
): (...args: Args) => void {
  return (...args) => {
    isolate(doing, () => listener(...args), report);
  };
}

/** The same clock, whose timers report an exception instead of ending the process. */
export function isolatedClock(clock: Clock, report: Report): Clock {
  const reporting = (task: () => void) => isolated("a timer", task, report);
  return {
    now: () => clock.now(),
    after: (ms, task) => clock.after(ms, reporting(task)),
    every: (ms, task) => clock.every(ms, reporting(task)),
  };
}
