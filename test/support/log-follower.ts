import { LineLedger } from "./line-ledger.ts";

/** Something that follows a log of numbered lines. */
export abstract class LogFollower implements Disposable {
  readonly ledger = new LineLedger();
  readonly #listeners = new Set<() => void>();
  abstract readonly name: string;

  /** Whether it follows already. */
  abstract get isReady(): boolean;

  abstract [Symbol.dispose](): void;

  /** Settles as soon as what has come is as wanted. */
  async until(isEnough: (follower: this) => boolean): Promise<void> {
    while (!isEnough(this)) {
      await new Promise<void>((resolve) => this.#listeners.add(resolve));
      this.#listeners.clear();
    }
  }

  /** Says that something came. */
  protected wake(): void {
    for (const listener of this.#listeners) listener();
  }
}
