import type { Stop } from "../protocol/clock.ts";
import type { CountName, Quotas, RateName, Who } from "./quotas.ts";

/** One who wants something: at first an address, later somebody; what it spends and what it holds. */
export class Visitor {
  readonly #quotas: Quotas;
  readonly #held: Stop[] = [];
  #who: Who;

  constructor(quotas: Quotas, address: string) {
    this.#quotas = quotas;
    this.#who = { address };
  }

  /** Counts what it does. Throws the `too_many_*` Failure that says it is too much. */
  spend(rate: RateName, amount = 1): void {
    this.#quotas.spend(rate, this.#who, amount);
  }

  /**
   * Counts an answer before it is made, and gives what corrects the count once its size is known.
   *
   * Throws `too_many_reads` while more was read than is allowed.
   */
  read(expectedBytes = 0): (bytes: number) => void {
    this.#quotas.spend("readBytes", this.#who, 0);
    const who = this.#who;
    this.#quotas.owe("readBytes", who, expectedBytes);
    return (bytes) => this.#quotas.owe("readBytes", who, bytes - expectedBytes);
  }

  /** Takes of a rate, whether it is there or not. */
  owe(rate: RateName, amount: number): void {
    this.#quotas.owe(rate, this.#who, amount);
  }

  /** How many milliseconds from now it may read again; 0 when it may now. */
  get readWaitMs(): number {
    return this.#quotas.waitMs("readBytes", this.#who);
  }

  /**
   * Says who it is, and counts for that what it was counted as before anybody looked.
   *
   * Throws the `too_many_*` Failure.
   */
  introduce(known: Omit<Who, "address">, rate: RateName): void {
    this.#who = { ...this.#who, ...known };
    this.#quotas.spend(rate, known);
  }

  /** Counts one more that it has until it is released, or the visitor leaves. Throws the `too_many_*` Failure. */
  hold(count: CountName): Stop {
    const release = this.#quotas.hold(count, this.#who);
    this.#held.push(release);
    return () => {
      const at = this.#held.indexOf(release);
      if (at !== -1) this.#held.splice(at, 1);
      release();
    };
  }

  /** Gives back what it held; a second time is harmless. */
  leave(): void {
    for (const release of this.#held.splice(0)) release();
  }
}
