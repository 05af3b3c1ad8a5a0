import { setImmediate } from "node:timers/promises";

/**
 * Lets one thing happen at a time, and everything else in this process in between.
 *
 * To start a process holds up the event loop for some milliseconds; two hundred at once would hold it up for a second.
 */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(() => setImmediate()).then(work);
    // The caller has the reason; the next in line goes on.
    this.#last = turn.catch(() => {});
    return turn;
  }
}
