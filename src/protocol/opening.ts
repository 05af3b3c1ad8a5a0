import { Failure } from "./failure.ts";

/**
 * Something that is opened once, when what it needs from the bus is there.
 *
 * While the bus is away it stays closed, and whoever asks again later tries again. Those who ask at the same time share one
 * attempt.
 */
export class Opening {
  readonly #work: () => Promise<void>;
  #attempt: Promise<void> | undefined;
  #isOpen = false;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Settles when it is open, or cannot be for now. Throws what the work throws but `bus_away`. */
  open(): Promise<void> {
    if (this.#isOpen) return Promise.resolve();
    this.#attempt ??= this.#try().finally(() => {
      this.#attempt = undefined;
    });
    return this.#attempt;
  }

  async #try(): Promise<void> {
    try {
      await this.#work();
      this.#isOpen = true;
    } catch (thrown) {
      if (!(thrown instanceof Failure && thrown.code === "bus_away")) throw thrown;
    }
  }
}
