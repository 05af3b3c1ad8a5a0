import type { Bounds } from "../bus/bus.ts";
import type { Clock } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";

const patienceMs = 5000;

/** How far this process has read a store, and who waits for it to come further. */
export class Progress {
  epoch = "";
  position = 0;
  #isLevel = false;
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether everything stored when the reading began has been read. */
  get isLevel(): boolean {
    return this.#isLevel;
  }

  /** A reading begins. True when nothing known so far holds. */
  begin(epoch: string): boolean {
    const isAnother = this.epoch !== epoch;
    this.#isLevel = false;
    this.epoch = epoch;
    if (isAnother) this.position = 0;
    return isAnother;
  }

  advance(position: number): void {
    this.position = Math.max(this.position, position);
    if (this.#waiting.size > 0) this.#wake();
  }

  level(position: number): void {
    this.#isLevel = true;
    this.advance(position);
  }

  /** Settles when the reading is level. Throws `bus_away` when that takes longer than five seconds. */
  async ready(): Promise<void> {
    if (this.#isLevel) return;
    await this.#until(() => this.#isLevel);
  }

  /** Settles when the reading has come to `position`: true, or false when the store has no such position. Throws `bus_away`. */
  async reach(position: number, store: { bounds(): Promise<Bounds> }): Promise<boolean> {
    if (position <= this.position) return true;
    const { epoch, last } = await store.bounds();
    if (epoch !== this.epoch || position > last) return false;
    await this.#until(() => this.position >= position);
    return true;
  }

  async #until(isReached: () => boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const check = () => {
      if (isReached()) resolve();
    };
    const giveUp = this.#clock.after(patienceMs, () => reject(new Failure("bus_away", "The bus is away; try again")));
    this.#waiting.add(check);
    try {
      check();
      await promise;
    } finally {
      giveUp();
      this.#waiting.delete(check);
    }
  }

  #wake(): void {
    for (const check of this.#waiting) check();
  }
}
