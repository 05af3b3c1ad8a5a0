import { LineLedger } from "./line-ledger.ts";

/** After so long without a word from a follower nothing more is expected of it. */
const silentAfterMs = 15_000;

/** Something that follows a log of numbered lines. */
export abstract class LogFollower implements Disposable {
  readonly ledger = new LineLedger();
  readonly #listeners = new Set<() => void>();
  abstract readonly name: string;

  /** Whether it follows already. */
  abstract get isReady(): boolean;

  abstract [Symbol.dispose](): void;

  /** Settles as soon as what has come is as wanted; rejects with what it knows when nothing comes any more. */
  async until(isEnough: (follower: this) => boolean): Promise<void> {
    while (!isEnough(this)) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const silent = setTimeout(() => reject(new Error(`Nothing comes: ${this.told}`)), silentAfterMs);
      this.#listeners.add(resolve);
      await promise.finally(() => clearTimeout(silent));
      this.#listeners.clear();
    }
  }

  /** What it has come to, for whoever wonders why no more comes. */
  get told(): string {
    return `${this.name} is at line ${this.ledger.last}`;
  }

  /** Says that something came. */
  protected wake(): void {
    for (const listener of this.#listeners) listener();
  }
}
