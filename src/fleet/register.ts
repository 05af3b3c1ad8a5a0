import type { Follower, Stored } from "../bus/bus.ts";
import type { Clock } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import { decodeToken, splitSubject } from "../protocol/subject.ts";
import { ownerOf, parseRow, type Row } from "./row.ts";

/** How long a node remembers the ids of commands, and so how long it matters who had an instance that is no more. */
const formerOwnersMs = 5 * 60_000;

/** The table `instances` of all orgs, held in memory. */
export class Register implements Follower {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  /** Whose the instances were that were deleted lately, by subject, the oldest first. */
  readonly #former = new Map<string, { readonly node: string; readonly atMs: number }>();
  readonly #waiting = new Set<() => void>();
  #epoch = "";
  #position = 0;
  #isRead = false;
  /** While the table is read again: the subjects seen. */
  #seen: Set<string> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Settles when the table has been read once. Throws `bus_away` when that takes longer than five seconds. */
  async read(): Promise<void> {
    if (await this.#within(5000, () => this.#isRead)) return;
    throw new Failure("bus_away", "The bus is away; try again");
  }

  /** Settles when the table has been read up to `position`, or after a second at the most. */
  async reach(position: number): Promise<void> {
    await this.#within(1000, () => this.#position >= position);
  }

  *entries(): Iterable<Entry> {
    yield* this.#entries.values();
  }

  row(subject: string): Row | undefined {
    return this.#entries.get(subject)?.row;
  }

  /** Who had the instance that was deleted there within the last five minutes. */
  formerOwner(subject: string): string | undefined {
    return this.#former.get(subject)?.node;
  }

  begin(epoch: string): void {
    if (epoch !== this.#epoch) {
      this.#entries.clear();
      this.#position = 0;
      this.#isRead = false;
    }
    this.#epoch = epoch;
    this.#seen = new Set();
  }

  message(stored: Stored): void {
    const { subject, position, data } = stored;
    this.#seen?.add(subject);
    const known = this.#entries.get(subject);
    if (known === undefined || position > known.position) {
      if (data.length === 0) this.#delete(subject);
      else this.#set(stored);
    }
    this.#advance(position);
  }

  level(position: number): void {
    const seen = this.#seen;
    this.#seen = undefined;
    this.#isRead = true;
    if (seen) for (const subject of [...this.#entries.keys()]) if (!seen.has(subject)) this.#delete(subject);
    this.#advance(position);
  }

  /** A table skips nothing: its present values are all there is. */
  gap(): void {}

  /** What is no row leaves the one before as it was, as in the stream. */
  #set({ subject, position, data }: Stored): void {
    const parts = splitSubject(subject);
    const name = decodeToken(parts?.tail.slice("instances.".length) ?? "");
    const row = name === undefined ? undefined : parseRow(name, data);
    if (parts && row) this.#entries.set(subject, { org: parts.org, subject, position, row });
  }

  #delete(subject: string): void {
    const known = this.#entries.get(subject);
    const node = known && ownerOf(known.row);
    this.#entries.delete(subject);
    if (node === undefined) return;
    const now = this.#clock.now();
    this.#former.delete(subject);
    this.#former.set(subject, { node, atMs: now });
    for (const [old, { atMs }] of this.#former) {
      if (now - atMs <= formerOwnersMs) break;
      this.#former.delete(old);
    }
  }

  #advance(position: number): void {
    this.#position = Math.max(this.#position, position);
    for (const check of this.#waiting) check();
  }

  /** Whether something became so within `ms` milliseconds. */
  async #within(ms: number, isSo: () => boolean): Promise<boolean> {
    if (isSo()) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const check = () => isSo() && resolve(true);
    const giveUp = this.#clock.after(ms, () => resolve(false));
    this.#waiting.add(check);
    try {
      return await promise;
    } finally {
      giveUp();
      this.#waiting.delete(check);
    }
  }
}

/** One row, and where it is stored. */
export interface Entry {
  readonly org: string;
  readonly subject: string;
  readonly position: number;
  readonly row: Row;
}
