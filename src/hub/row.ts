import type { TableDefinition } from "../stream/define.ts";
import { changeOf, repeatEntry, timeEntry } from "./entry.ts";
import type { Entry } from "./ring.ts";

/** A row of a table, and what time has made of it. */
export class Row {
  readonly place: RowPlace;
  readonly #definition: TableDefinition;
  readonly #stored: unknown;
  #lapsed: unknown;

  constructor(definition: TableDefinition, stored: unknown, place: RowPlace) {
    this.#definition = definition;
    this.#stored = stored;
    this.place = place;
  }

  get position(): number {
    return this.place.position;
  }

  /** The subject it is stored on. */
  get storedAt(): string {
    return this.place.storedAt;
  }

  /** What it says now. */
  get record(): unknown {
    return this.#lapsed ?? this.#stored;
  }

  /** Makes of it what it has become; what tells of that, or undefined when it is no news. */
  lapse(nowMs: number, position: number): Entry[] | undefined {
    const { lapse } = this.#definition;
    if (!lapse || this.#lapsed !== undefined || nowMs - this.place.atMs < lapse.afterMs) return undefined;
    const lapsed = lapse.lapsed(this.#stored);
    const entries = this.#entries(lapsed, nowMs, position);
    this.#lapsed = lapsed;
    return entries;
  }

  /** What tells that time has changed it; nothing when it has not. */
  lapses(nowMs: number, position: number): Entry[] {
    return this.#lapsed === undefined ? [] : this.#entries(this.#lapsed, nowMs, position);
  }

  /** What is said of it again and again. */
  repeats(nowMs: number, position: number): Entry[] {
    const { repeat } = this.#definition;
    const change = changeOf(this.record, this.record, nowMs);
    return repeat ? [repeatEntry(repeat.frame(this.record), change, position)] : [];
  }

  #entries(lapsed: unknown, nowMs: number, position: number): Entry[] {
    const change = changeOf(this.#stored, lapsed, nowMs);
    return this.#definition.deltas(change).map((body) => timeEntry(body, change, position));
  }
}

/** Where a row stands, and when it was stored. */
export interface RowPlace {
  readonly slot: Slot;
  readonly storedAt: string;
  readonly position: number;
  readonly atMs: number;
}

/** Whose row it is. */
export interface Slot {
  /** The subject of a publisher, also for an owned row. */
  readonly subject: string;
  readonly isOwned: boolean;
}
