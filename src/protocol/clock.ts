/** Cancels what was begun; calling it again does nothing. */
export type Stop = () => void;

/** Time as an argument, so that a test can be ninety seconds older in no time. */
export interface Clock {
  /** Milliseconds since 1970 (UTC). */
  now(): number;
  /** Calls `task` once, `ms` milliseconds from now. */
  after(ms: number, task: () => void): Stop;
  /** Calls `task` every `ms` milliseconds. */
  every(ms: number, task: () => void): Stop;
}

/** The time of this machine. Its timers never keep a process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after: (ms, task) => {
    const timer = setTimeout(task, ms);
    timer.unref?.();
    return () => clearTimeout(timer);
  },
  every: (ms, task) => {
    const timer = setInterval(task, ms);
    timer.unref?.();
    return () => clearInterval(timer);
  },
};

/** Settles after that many milliseconds. */
export function pause(clock: Clock, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  clock.after(ms, resolve);
  return promise;
}

/** The same after `ms` and up to as much again, so that many who wait do not come back together. */
export function pauseApart(clock: Clock, ms: number): Promise<void> {
  return pause(clock, ms * (1 + Math.random()));
}
