import type { Table } from "../bus/bus.ts";
import type { Cursor } from "../protocol/cursor.ts";
import type { TableDefinition } from "../stream/define.ts";
import { greetingOf, type Missed, noPage, type Past, type Reason, type Snapshot } from "./past.ts";
import type { Progress } from "./progress.ts";
import type { Entry, Ring } from "./ring.ts";
import { rowsFor, type View } from "./view.ts";

/** The past of a table's channel: its rows as they are, and the ring's latest changes. */
export class TablePast implements Past {
  readonly #parts: TablePastParts;

  constructor(parts: TablePastParts) {
    this.#parts = parts;
  }

  ready(): Promise<void> {
    return this.#parts.progress.ready();
  }

  async reach(cursor: Cursor): Promise<boolean> {
    const { progress, table } = this.#parts;
    return cursor.epoch === progress.epoch && progress.reach(cursor.position, table());
  }

  here(): Cursor {
    const { epoch, position } = this.#parts.progress;
    return { epoch, position, part: 0 };
  }

  async after(cursor: Cursor): Promise<Missed | undefined> {
    const missed = this.#parts.isExact() ? this.#parts.ring.after(cursor) : undefined;
    // What time has made of rows has no place of its own, so nobody can say that a client knows it.
    return missed && { entries: [...missed, ...this.#parts.lapses()] };
  }

  async snapshot(view: View, reason: Reason | undefined): Promise<Snapshot> {
    const { definition, rows } = this.#parts;
    const bodies = definition.snapshot(rowsFor(definition, rows(), view), view.query);
    return { frames: await greetingOf(bodies, reason, this.here()) };
  }

  readonly page = noPage;
}

interface TablePastParts {
  readonly definition: TableDefinition;
  readonly progress: Progress;
  readonly table: () => Table;
  readonly ring: Ring;
  /** The records of the channel's rows, oldest key first. */
  readonly rows: () => readonly unknown[];
  /** The entries that tell which rows time has changed. */
  readonly lapses: () => readonly Entry[];
  /** Whether this process saw every change since the ring's floor; only then do its deltas fit a client's state. */
  readonly isExact: () => boolean;
}
