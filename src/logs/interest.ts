import type { Clock } from "../protocol/clock.ts";

/** How many wishes for one log are remembered; of more, the oldest are forgotten. */
const mostAskers = 1024;

/**
 * Who wants a log followed, and until when.
 *
 * A wish is forgotten by itself unless it is renewed, so one who was killed costs nothing for long.
 */
export class Interest {
  readonly #clock: Clock;
  readonly #keepMs: number;
  readonly #until = new Map<string, number>();

  constructor(clock: Clock, keepMs: number) {
    this.#clock = clock;
    this.#keepMs = keepMs;
  }

  renew(asker: string): void {
    this.#until.delete(asker);
    this.#until.set(asker, this.#clock.now() + this.#keepMs);
    const [oldest] = this.#until.keys();
    if (this.#until.size > mostAskers && oldest !== undefined) this.#until.delete(oldest);
  }

  drop(asker: string): void {
    this.#until.delete(asker);
  }

  /** Whether anybody's wish holds. */
  get isThere(): boolean {
    const now = this.#clock.now();
    for (const [asker, until] of this.#until) {
      if (until <= now) this.#until.delete(asker);
    }
    return this.#until.size > 0;
  }
}
