import type { Row, Slot } from "./row.ts";

/**
 * The rows of one org and parameters, by the subject of a publisher. A row that is owned shadows the published one, which
 * stays in mind for when the owned row is deleted.
 */
export class Rows {
  readonly #published = new Map<string, Row>();
  readonly #owned = new Map<string, Row>();

  get size(): number {
    return this.#published.size + this.#owned.size;
  }

  /** What is shown under a subject. */
  shown(subject: string): Row | undefined {
    return this.#owned.get(subject) ?? this.#published.get(subject);
  }

  isOwned(subject: string): boolean {
    return this.#owned.has(subject);
  }

  /** All that is shown, in the order in which the subjects were first stored, published ones before owned ones. */
  *all(): Iterable<Row> {
    for (const [subject, row] of this.#published) if (!this.#owned.has(subject)) yield row;
    yield* this.#owned.values();
  }

  /** The subjects of all that is shown. */
  subjects(): string[] {
    return [...new Set([...this.#published.keys(), ...this.#owned.keys()])];
  }

  at({ subject, isOwned }: Slot): Row | undefined {
    return this.#layer(isOwned).get(subject);
  }

  put({ subject, isOwned }: Slot, row: Row | undefined): void {
    if (row === undefined) this.#layer(isOwned).delete(subject);
    else this.#layer(isOwned).set(subject, row);
  }

  /** What would be shown if a slot held another row. */
  shownWith({ subject, isOwned }: Slot, row: Row | undefined): Row | undefined {
    return isOwned ? (row ?? this.#published.get(subject)) : (this.#owned.get(subject) ?? row);
  }

  clear(): void {
    this.#published.clear();
    this.#owned.clear();
  }

  /** Forgets every row whose place `isThere` does not know; whether one was shown. */
  keep(isThere: (storedAt: string) => boolean): boolean {
    let wasShown = false;
    for (const isOwned of [false, true]) {
      for (const [subject, row] of this.#layer(isOwned)) {
        if (isThere(row.storedAt)) continue;
        wasShown ||= this.shown(subject) === row;
        this.#layer(isOwned).delete(subject);
      }
    }
    return wasShown;
  }

  #layer(isOwned: boolean): Map<string, Row> {
    return isOwned ? this.#owned : this.#published;
  }
}
