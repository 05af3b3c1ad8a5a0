import type { Clock, Stop } from "../../src/protocol/clock.ts";

interface Alarm {
  atMs: number;
  readonly everyMs: number | undefined;
  readonly task: () => void;
}

/** A clock that goes only when it is told to. */
export class ManualClock implements Clock {
  readonly #alarms = new Set<Alarm>();
  #nowMs: number;

  constructor(nowMs = Date.now()) {
    this.#nowMs = nowMs;
  }

  now(): number {
    return this.#nowMs;
  }

  after(ms: number, task: () => void): Stop {
    return this.#set({ atMs: this.#nowMs + ms, everyMs: undefined, task });
  }

  every(ms: number, task: () => void): Stop {
    return this.#set({ atMs: this.#nowMs + ms, everyMs: ms, task });
  }

  /** Lets time pass, every alarm at its time. */
  pass(ms: number): void {
    const end = this.#nowMs + ms;
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#nowMs = next.atMs;
      if (next.everyMs === undefined) this.#alarms.delete(next);
      else next.atMs += next.everyMs;
      next.task();
    }
    this.#nowMs = end;
  }

  #next(end: number): Alarm | undefined {
    const due = [...this.#alarms].filter(({ atMs }) => atMs <= end);
    return due.toSorted((one, other) => one.atMs - other.atMs)[0];
  }

  #set(alarm: Alarm): Stop {
    this.#alarms.add(alarm);
    return () => {
      this.#alarms.delete(alarm);
    };
  }
}
