import type { Report } from "./background.ts";

/** Reports the exceptions of a process that no request can answer for, and counts them. */
export class Exceptions {
  /** Takes one; never throws. */
  readonly take: Report;
  #count = 0;

  constructor(report: Report) {
    this.take = (fault) => {
      this.#count += 1;
      try {
        report(fault);
      } catch {
        // What reports exceptions is at fault itself: nothing is left to tell it to, but the count.
      }
    };
  }

  /** How many there were. */
  get count(): number {
    return this.#count;
  }
}
