/** How often it is looked at. */
export const tickMs = 10_000;
const pingMs = 29_000;
const silentMs = 90_000;
/** A look that comes later than the timers of a hidden page do: the machine slept. */
const asleepMs = 85_000;

/** When a connection was heard, and what follows from that. */
export class Pulse {
  readonly #now: () => number;
  #heardMs = 0;
  #tickedMs = 0;
  #pingedMs = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  heard(): void {
    this.#heardMs = this.#now();
  }

  /** From now on it is looked at every `tickMs`. */
  begin(): void {
    this.#tickedMs = this.#now();
  }

  tick(): "asleep" | "silent" | "ping" | undefined {
    const now = this.#now();
    const sinceTickMs = now - this.#tickedMs;
    this.#tickedMs = now;
    if (sinceTickMs > asleepMs) return "asleep";
    if (now - this.#heardMs >= silentMs) return "silent";
    if (now - this.#pingedMs < pingMs) return undefined;
    this.#pingedMs = now;
    return "ping";
  }
}
