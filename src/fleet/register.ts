import type { Follower, Stored } from "../bus/bus.ts";
import type { Clock } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import { instanceIn, managedSubject, publishedSubject } from "../protocol/instance.ts";
import { type Owner, ownerOf, parseRow, type Row } from "./row.ts";

/** How long a node remembers the ids of commands, and so how long it matters who had an instance that is no more. */
const formerOwnersMs = 5 * 60_000;
const formerOwnersMax = 10_000;

/** The table `instances` of all orgs, held in memory; of two rows of one name, that of a node counts. */
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

  /** The row that counts for each name. */
  *entries(): Iterable<Entry> {
    for (const entry of this.#entries.values()) {
      const { org, row, owner } = entry;
      if (owner.isManaged || !this.#entries.has(managedSubject(org, row.name))) yield entry;
    }
  }

  /** The row on a subject. */
  at(subject: string): Entry | undefined {
    return this.#entries.get(subject);
  }

  /** The row that counts for a name. */
  find(org: string, name: string): Entry | undefined {
    return this.#entries.get(managedSubject(org, name)) ?? this.#entries.get(publishedSubject(org, name));
  }

  /** The node that had the instance of that name which was deleted within the last five minutes. */
  formerOwner(org: string, name: string): string | undefined {
    return this.#former.get(managedSubject(org, name))?.node;
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

  /** What is no row leaves the one before as it was, as in the stream; also there, one that is not shown is taken as stored. */
  #set({ subject, position, data }: Stored): void {
    const place = instanceIn(subject);
    const row = place && parseRow(place.name, data);
    const isShadowed = place && !place.isManaged && this.#entries.has(managedSubject(place.org, place.name));
    if (!row && isShadowed) this.#entries.delete(subject);
    if (row) this.#entries.set(subject, { org: place.org, subject, position, row, owner: ownerOf(subject, row) });
  }

  #delete(subject: string): void {
    const node = this.#entries.get(subject)?.owner.node;
    this.#entries.delete(subject);
    if (node === undefined) return;
    const now = this.#clock.now();
    this.#former.delete(subject);
    this.#former.set(subject, { node, atMs: now });
    for (const [old, { atMs }] of this.#former) {
      if (now - atMs <= formerOwnersMs && this.#former.size <= formerOwnersMax) break;
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
  readonly owner: Owner;
}
