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
