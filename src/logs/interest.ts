import type { Clock } from "../protocol/clock.ts";

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
    this.#until.set(asker, this.#clock.now() + this.#keepMs);
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
