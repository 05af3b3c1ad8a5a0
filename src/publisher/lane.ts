import type { Failure } from "../protocol/failure.ts";

/** Something to be stored, and how it is sent once. */
export interface Parcel<Receipt> {
  /** What must stay in order with it. */
  readonly lane: string;
  /**
   * How parcels of one lane go: one after the other, many at a time where the way out keeps their order, or as rows, of
   * which while nobody is there only the newest is worth sending.
   */
  readonly order: "one by one" | "many at a time" | "newest";
  /** How much of the buffer it takes. */
  readonly bytes: number;
  /** The parts of its subject, as one text. */
  readonly tail: string;
  readonly id: string;
  send(): Promise<Receipt>;
}

/** A parcel on its way, through all attempts. */
export class Entry<Receipt> {
  readonly parcel: Parcel<Receipt>;
  /** Counts parcels from 1. */
  readonly number: number;
  readonly promise: Promise<Receipt>;
  readonly stored: (receipt: Receipt | PromiseLike<Receipt>) => void;
  readonly dropped: (failure: Failure) => void;
  isUnderway = false;

  constructor(parcel: Parcel<Receipt>, number: number) {
    const { promise, resolve, reject } = Promise.withResolvers<Receipt>();
    this.parcel = parcel;
    this.number = number;
    this.promise = promise;
    this.stored = resolve;
    this.dropped = reject;
    unawaited(promise);
  }
}

/** For what nothing need wait for: what is dropped is told to `onDrop`. */
export function unawaited(said: Promise<unknown>): void {
  // Told already.
  said.catch(() => {});
}

/** Parcels that must stay in order. */
export class Lane<Receipt> {
  readonly name: string;
  waiting: Entry<Receipt>[] = [];
  #failed: Entry<Receipt>[] = [];
  #underway = 0;
  /** Whether it pauses after a failure that concerns nobody else. */
  isResting = false;
  failures = 0;

  constructor(name: string) {
    this.name = name;
  }

  get isEmpty(): boolean {
    return this.#underway === 0 && this.waiting.length === 0 && this.#failed.length === 0;
  }

  /** Whether the next parcel may be sent. After a failure it waits until all that are under way are settled, for their order. */
  isReady(keepsOrder: boolean): boolean {
    const [next] = this.waiting;
    if (next === undefined || this.isResting || this.#failed.length > 0) return false;
    return this.#underway === 0 || (keepsOrder && next.parcel.order === "many at a time");
  }

  next(): Entry<Receipt> | undefined {
    const entry = this.waiting.shift();
    if (entry === undefined) return undefined;
    entry.isUnderway = true;
    this.#underway += 1;
    return entry;
  }

  /** One that was under way is stored, or will never be. */
  settle(): void {
    this.#underway -= 1;
    this.#takeBack();
  }

  /** One that was under way is to be sent again. */
  fail(entry: Entry<Receipt>): void {
    entry.isUnderway = false;
    this.#underway -= 1;
    this.#failed.push(entry);
    this.#takeBack();
  }

  remove(entry: Entry<Receipt>): void {
    this.waiting = this.waiting.filter((other) => other !== entry);
    this.#failed = this.#failed.filter((other) => other !== entry);
  }

  #takeBack(): void {
    if (this.#underway > 0 || this.#failed.length === 0) return;
    this.waiting = [...this.#failed.sort((one, other) => one.number - other.number), ...this.waiting];
    this.#failed = [];
  }
}
