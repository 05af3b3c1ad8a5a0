import type { TableDefinition } from "../stream/define.ts";
import { changeOf, repeatEntry, timeEntry } from "./entry.ts";
import type { Entry } from "./ring.ts";

/** A row of a table, and what time has made of it. */
export class Row {
  readonly position: number;
  readonly #definition: TableDefinition;
  readonly #stored: unknown;
  readonly #atMs: number;
  #lapsed: unknown;

  constructor(definition: TableDefinition, stored: unknown, { position, atMs }: { position: number; atMs: number }) {
    this.#definition = definition;
    this.#stored = stored;
    this.position = position;
    this.#atMs = atMs;
  }

  /** What it says now. */
  get record(): unknown {
    return this.#lapsed ?? this.#stored;
  }

  /** Makes of it what it has become; whether that is news. */
  lapse(nowMs: number): boolean {
    const { lapse } = this.#definition;
    if (!lapse || this.#lapsed !== undefined || nowMs - this.#atMs < lapse.afterMs) return false;
    this.#lapsed = lapse.lapsed(this.#stored);
    return true;
  }

  /** What tells that time has changed it; nothing when it has not. */
  lapses(nowMs: number, position: number): Entry[] {
    if (this.#lapsed === undefined) return [];
    const change = changeOf(this.#stored, this.#lapsed, nowMs);
    return this.#definition.deltas(change).map((body) => timeEntry(body, change, position));
  }

  /** What is said of it again and again. */
  repeats(nowMs: number, position: number): Entry[] {
    const { repeat } = this.#definition;
    const change = changeOf(this.record, this.record, nowMs);
    return repeat ? [repeatEntry(repeat.frame(this.record), change, position)] : [];
  }
}
