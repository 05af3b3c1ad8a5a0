import { inBackground, type Report } from "../protocol/background.ts";
import type { Clock, Stop } from "../protocol/clock.ts";

/** What is polled. */
export interface Polled {
  /** Looks whether something came. Never rejects. */
  tick(): Promise<void>;
  /** Whether something is about to happen, so that it should be looked at more often. */
  readonly isRestless: boolean;
}

const everyMs = 250;
const restlessEveryMs = 20;
const atMost = 64;

/**
 * Polls everything that is followed, as the net below the watches of the system.
 *
 * Every 250 ms the next 64, and what is restless every 20 ms. So the cost does not grow with their number, the time
 * between two looks does. It has timers only while there is something to poll.
 */
export class Sweep {
  readonly #clock: Clock;
  readonly #report: Report;
  /** In the order of their turns: who was polled goes to the end. */
  readonly #all = new Set<Polled>();
  #restless: Polled[] = [];
  #stop: Stop = () => {};
  #stopRestless: Stop | undefined;

  /** `report` takes what a look throws against its word. Default: `console.error`. */
  constructor(clock: Clock, report: Report = console.error) {
    this.#clock = clock;
    this.#report = report;
  }

  add(one: Polled): void {
    this.#all.add(one);
    if (this.#all.size === 1) this.#stop = this.#clock.every(everyMs, () => this.#turn());
  }

  delete(one: Polled): void {
    if (!this.#all.delete(one)) return;
    this.#restless = this.#restless.filter((other) => other !== one);
    if (this.#all.size > 0) return;
    this.#stop();
    this.#calm();
  }

  #turn(): void {
    let rest = Math.min(atMost, this.#all.size);
    for (const one of this.#all) {
      if (rest-- === 0) break;
      this.#all.delete(one);
      this.#all.add(one);
      this.#poll(one);
    }
    this.#keepRestless([...this.#all]);
  }

  #turnRestless(): void {
    for (const one of this.#restless) this.#poll(one);
    this.#keepRestless(this.#restless);
  }

  #poll(one: Polled): void {
    inBackground("looking at a log", one.tick(), this.#report);
  }

  #keepRestless(among: readonly Polled[]): void {
    this.#restless = among.filter(({ isRestless }) => isRestless);
    if (this.#restless.length === 0) this.#calm();
    else this.#stopRestless ??= this.#clock.every(restlessEveryMs, () => this.#turnRestless());
  }

  #calm(): void {
    this.#stopRestless?.();
    this.#stopRestless = undefined;
  }
}
