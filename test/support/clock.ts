import type { Clock, Stop } from "../../src/protocol/clock.ts";

interface Timer {
  atMs: number;
  readonly everyMs: number | undefined;
  readonly task: () => void;
}

/** A clock that stands still until it is told to go on. */
export class ManualClock implements Clock {
  #nowMs: number;
  readonly #timers = new Set<Timer>();

  /** It begins at the start of 2026, or at another time since 1970 in milliseconds. */
  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  after(ms: number, task: () => void): Stop {
    return this.#add({ atMs: this.#nowMs + ms, everyMs: undefined, task });
  }

  every(ms: number, task: () => void): Stop {
    return this.#add({ atMs: this.#nowMs + ms, everyMs: ms, task });
  }

  /** Lets `ms` milliseconds pass, and everything that was due in them happen in order. */
  pass(ms: number): void {
    const end = this.#nowMs + ms;
    for (let due = this.#next(end); due; due = this.#next(end)) {
      this.#nowMs = due.atMs;
      if (due.everyMs === undefined) this.#timers.delete(due);
      else due.atMs += due.everyMs;
      due.task();
    }
    this.#nowMs = end;
  }

  #next(end: number): Timer | undefined {
    const due = [...this.#timers].filter(({ atMs }) => atMs <= end);
    return due.sort((a, b) => a.atMs - b.atMs)[0];
  }

  #add(timer: Timer): Stop {
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }
}
