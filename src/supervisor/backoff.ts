import type { Template } from "./template.ts";

/** When a process that keeps ending is started again, and when no more. */
export class Backoff {
  readonly #rules: Template["restart"];
  /** When it was started again, in milliseconds since 1970, oldest first. */
  #restartsMs: number[] = [];
  #delayMs = 0;

  constructor(rules: Template["restart"]) {
    this.#rules = rules;
  }

  /** Forgets the past, because somebody started it by hand. */
  reset(): void {
    this.#restartsMs = [];
    this.#delayMs = 0;
  }

  /**
   * How long to wait before the next start, in milliseconds; undefined: it ended too often.
   *
   * The wait doubles with every end, and is the first one again after a run of `withinMs`.
   */
  next(nowMs: number, ranMs: number): number | undefined {
    const { backoff, giveUpAfter, withinMs } = this.#rules;
    this.#restartsMs = this.#restartsMs.filter((atMs) => nowMs - atMs < withinMs).slice(-giveUpAfter);
    if (this.#restartsMs.length >= giveUpAfter) return undefined;
    this.#restartsMs.push(nowMs);
    const isFirst = this.#delayMs === 0 || ranMs >= withinMs;
    this.#delayMs = isFirst ? backoff.fromMs : Math.min(this.#delayMs * 2, backoff.toMs);
    return this.#delayMs;
  }
}
