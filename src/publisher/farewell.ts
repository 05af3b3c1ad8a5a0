import { inBackground } from "../protocol/background.ts";
import type { Publisher } from "./publisher.ts";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** How long a process that ends may take for it. */
const deadlineMs = 5_000;

/**
 * Sees to it that what was said is heard although the process ends: publishers finish and flush when nothing is left to do,
 * and at a signal.
 *
 * A signal ends the process as it would have done. Where somebody else listens to it, they decide, and it only flushes.
 */
class Farewell {
  readonly #publishers = new Set<Publisher>();
  readonly #onSignal = (signal: NodeJS.Signals) =>
    inBackground(`ending by ${signal}`, this.#signalled(signal), console.error);
  readonly #onIdle = () => inBackground("ending", this.#idle(), console.error);
  readonly #onExit = () => {
    for (const publisher of this.#publishers) publisher.abandon();
  };
  #isLeaving = false;

  add(publisher: Publisher): void {
    if (this.#publishers.size === 0) this.#listen();
    this.#publishers.add(publisher);
  }

  delete(publisher: Publisher): void {
    if (this.#publishers.delete(publisher) && this.#publishers.size === 0) this.#ignore();
  }

  #listen(): void {
    for (const signal of signals) process.on(signal, this.#onSignal);
    process.on("beforeExit", this.#onIdle);
    process.on("exit", this.#onExit);
  }

  #ignore(): void {
    for (const signal of signals) process.off(signal, this.#onSignal);
    process.off("beforeExit", this.#onIdle);
    process.off("exit", this.#onExit);
  }

  async #signalled(signal: NodeJS.Signals): Promise<void> {
    if (process.listenerCount(signal) > 1) {
      await this.#flush();
      return;
    }
    // Whoever says it twice is in a hurry.
    if (!this.#isLeaving) {
      this.#isLeaving = true;
      for (const publisher of this.#publishers) publisher.finish();
      await this.#flush();
    }
    this.#onExit();
    this.#ignore();
    process.kill(process.pid, signal);
  }

  /** Nothing is left to do but this; it comes again after every turn that it causes. */
  async #idle(): Promise<void> {
    if (this.#isLeaving) return;
    for (const publisher of this.#publishers) publisher.finish();
    if (![...this.#publishers].some(({ tally }) => tally.waiting > 0)) return;
    this.#isLeaving = true;
    await this.#flush();
    // Whoever is here again was given something to do by somebody.
    this.#isLeaving = [...this.#publishers].some(({ tally }) => tally.waiting > 0);
  }

  /** Timers of ours keep no process alive, so this one does. */
  async #flush(): Promise<void> {
    const awake = setInterval(() => {}, deadlineMs);
    await Promise.all([...this.#publishers].map((publisher) => publisher.flush(deadlineMs)));
    clearInterval(awake);
  }
}

/** One for all publishers of a process: each signal has one listener of ours, however many there are. */
export const farewell = new Farewell();
