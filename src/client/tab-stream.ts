import { earlier } from "./cursor-order.ts";
import type { AnyFrame } from "./frame.ts";
import { cursorAfter, isBeginning } from "./link.ts";
import type { StreamStatus } from "./skein.ts";

/** A stream that a tab follows over the connection of another: where it stands, and what of all that is told is news. */
export class TabStream {
  status: StreamStatus | undefined;
  /** How often it was looked at while it waited for the state. */
  looks = 0;
  #since: string | undefined;
  /** What came while it waited for the state; nothing when it takes what comes. */
  #held: (readonly [count: number, frame: AnyFrame])[] | undefined = [];
  /** Up to here it has had what comes. */
  #until: string | undefined;
  /** What was told up to here is in the state. */
  #from = 0;

  constructor(since: string | undefined) {
    this.#since = since;
  }

  /** Where it stands. */
  get since(): string | undefined {
    return this.#since;
  }

  get isWaiting(): boolean {
    return this.#held !== undefined;
  }

  /** Another tab leads, and has not said yet where it begins. */
  wait(): void {
    this.#held = [];
    this.#from = 0;
    this.looks = 0;
  }

  /** Begins where the leader begins, or waits. Answers where the leader has to go back to when it begins after this place. */
  begin(since: string | undefined): string | undefined {
    const first = earlier(since, this.#since);
    const isReached = since === undefined || (first !== undefined && first === since);
    this.#until = isReached && since !== undefined && since !== this.#since ? this.#since : undefined;
    this.#held = isReached ? undefined : [];
    return isReached ? undefined : first;
  }

  /** Whether a frame is to be heard now: it is neither held back nor was it had before. */
  take(count: number, frame: AnyFrame): boolean {
    if (!this.#held || isBeginning(frame)) return count > this.#from && this.#isNews(frame);
    this.#held.push([count, frame]);
    return false;
  }

  /** Goes on from a state. Answers what is to be heard after it; nothing when it is not waiting for one. */
  adopt(since: string, count: number): readonly AnyFrame[] | undefined {
    const held = this.#held;
    // One that stands somewhere goes on from there, whatever it asked for before.
    if (!held || this.#since !== undefined) return undefined;
    this.#held = undefined;
    this.#from = count;
    // What is told again for another tab is in the state.
    this.#since = this.#until = since;
    return held.filter(([at, frame]) => at > count && this.#isNews(frame)).map(([, frame]) => frame);
  }

  #isNews(frame: AnyFrame): boolean {
    const isPlaced = frame.cursor !== undefined || isBeginning(frame);
    if (this.#until && !isBeginning(frame)) {
      // Whoever led before it was deposed may have heard more than the one that goes on.
      if (frame.type === "resumed" || (isPlaced && earlier(frame.cursor, this.#until) === frame.cursor)) return false;
    }
    this.#held = undefined;
    if (isPlaced) this.#until = undefined;
    this.#since = cursorAfter(this.#since, frame);
    return true;
  }
}
