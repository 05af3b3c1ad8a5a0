import type { Follower, Stored, Table } from "../bus/bus.ts";
import type { Stop } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import { splitSubject, subjectOf } from "../protocol/subject.ts";
import type { TableDefinition } from "../stream/define.ts";
import type { Params } from "../stream/path.ts";
import { paramsOf, storeOf, tailOf } from "../stream/subject.ts";
import { Channel } from "./channel.ts";
import { type Address, addressOf, changeEntries, changeOf, itemOf } from "./entry.ts";
import { Progress } from "./progress.ts";
import { type Entry, Ring } from "./ring.ts";
import { Row, type Slot } from "./row.ts";
import { Rows } from "./rows.ts";
import type { SourceParts } from "./source.ts";
import { TablePast } from "./table-past.ts";

/** How often is looked for what time has made of rows. */
const sweepMs = 500;

/**
 * A table, read once per process and held in memory: every change of a row becomes entries of the row's channel.
 *
 * A store that keeps only last values may skip one that was soon replaced. Then this process and another one see different
 * changes between the same two states, and a cursor from within that stretch resumes with a snapshot: `#isExact`.
 *
 * What is known is changed only when everything that can throw has been made, so that a bad row costs that row alone.
 */
export class TableSource implements Follower {
  readonly definition: TableDefinition;
  readonly #parts: SourceParts;
  readonly #progress: Progress;
  readonly #scopes = new Map<string, Scope>();
  #table: Table | undefined;
  readonly #onDelete: ((subject: string) => void)[] = [];
  #isExact = true;
  /** While the table is read again: the subjects seen, and what has changed meanwhile. */
  #reading: Reading | undefined;

  constructor(definition: TableDefinition, parts: SourceParts) {
    this.definition = definition;
    this.#parts = parts;
    this.#progress = new Progress(parts.clock);
  }

  get isReady(): boolean {
    return this.#progress.isLevel;
  }

  /** Settles when the table has been read. Throws `bus_away` when that takes too long. */
  ready(): Promise<void> {
    return this.#progress.ready();
  }

  /** Whether a row is shown under a subject, its own or an owned one. */
  has(subject: string): boolean {
    for (const { rows } of this.#scopes.values()) if (rows.shown(subject)) return true;
    return false;
  }

  /** Calls `listener` with the subject of every row that is shown no more; that of a publisher, also for an owned row. */
  onDelete(listener: (subject: string) => void): void {
    this.#onDelete.push(listener);
  }

  async start(): Promise<Stop> {
    const { bus, clock } = this.#parts;
    const { lapse, repeat } = this.definition;
    this.#table = await bus.table(storeOf(this.definition));
    const stops = [this.#table.follow(this)];
    if (lapse) stops.push(clock.every(sweepMs, () => this.#sweep()));
    if (repeat) stops.push(clock.every(repeat.everyMs, () => this.#repeat()));
    return () => {
      for (const stop of stops) stop();
    };
  }

  /** The channel of an org and parameters. */
  channel(org: string, params: Params): Channel {
    return this.#scope(subjectOf(org, tailOf(this.definition, params))).channel;
  }

  *channels(): Iterable<Channel> {
    for (const { channel } of this.#scopes.values()) yield channel;
  }

  begin(epoch: string): void {
    const isAnother = this.#progress.begin(epoch);
    const known = [...this.#scopes.values()].flatMap(({ rows }) => rows.subjects());
    if (isAnother) for (const { rows } of this.#scopes.values()) rows.clear();
    this.#reading = { known, seen: new Set(), held: new Map(), isAnother };
  }

  message(stored: Stored, behind: number): void {
    const hasSkipped = !this.#reading && stored.position !== this.#progress.position + 1;
    if (hasSkipped) this.#isExact = false;
    this.#progress.advance(stored.position);
    this.#reading?.seen.add(stored.subject);
    try {
      this.#apply(stored);
    } catch (thrown) {
      this.#parts.reject(this.definition, stored, Failure.from(thrown));
    }
    if (!this.#reading && behind === 0) this.#settle();
  }

  level(position: number): void {
    const reading = this.#reading;
    this.#reading = undefined;
    this.#progress.level(position);
    if (!reading) return;
    for (const scope of this.#scopes.values()) {
      const hasVanished = scope.rows.keep((storedAt) => reading.seen.has(storedAt));
      if (reading.isAnother || hasVanished) this.#restart(scope);
      else scope.channel.push(reading.held.get(scope) ?? []);
    }
    this.#isExact = false;
    this.#settle();
    for (const subject of reading.known) if (!this.has(subject)) this.#tellDeleted(subject);
  }

  /** A table skips nothing: its present values are all there is. */
  gap(): void {}

  #apply(stored: Stored): void {
    const { definition } = this;
    const address = addressOf(definition, stored);
    const scope = this.#scope(subjectOf(address.org, tailOf(definition, paramsOf(definition, address.names))));
    const { rows } = scope;
    const { isOwned } = address;
    const slot = { subject: subjectOf(address.org, tailOf(definition, address.names)), isOwned };
    const known = rows.at(slot);
    if (known && stored.position <= known.position) return;
    const isShadowed = !isOwned && rows.isOwned(slot.subject);
    // What is not shown is kept as a gateway would find it that starts afresh: a bad row takes the place of a good one.
    if (isShadowed) rows.put(slot, undefined);
    const row = stored.data.length === 0 ? undefined : this.#rowOf(slot, address, stored);
    if (isShadowed && row) this.#changed(undefined, row, stored);
    const before = rows.shown(slot.subject);
    const after = rows.shownWith(slot, row);
    const entries = before === after ? [] : this.#changed(before, after, stored);
    rows.put(slot, row);
    if (before !== undefined && after === undefined) this.#tellDeleted(slot.subject);
    this.#push(scope, entries);
    if (isShadowed) throw new Failure("owned_by_node", "A node owns the row of that name, and what it says is shown");
  }

  /** Throws `invalid_body`, or what a row causes that cannot be told. */
  #rowOf(slot: Slot, address: Address, stored: Stored): Row {
    const { subject: storedAt, position, atMs } = stored;
    const row = new Row(this.definition, itemOf(this.definition, address, stored), { slot, storedAt, position, atMs });
    row.lapse(this.#parts.clock.now(), position);
    return row;
  }

  #changed(before: Row | undefined, after: Row | undefined, { position, atMs }: Stored): Entry[] {
    after?.lapse(this.#parts.clock.now(), position);
    const place = { epoch: this.#progress.epoch, position, part: 0 };
    return changeEntries(this.definition, changeOf(before?.record, after?.record, atMs), place);
  }

  /** Tells what time has made of rows. */
  #sweep(): void {
    if (this.#reading) return;
    const now = this.#parts.clock.now();
    const { position } = this.#progress;
    for (const scope of this.#scopes.values()) {
      for (const row of scope.rows.all()) {
        this.#spare(scope, row, () => scope.channel.push(row.lapse(now, position) ?? []));
      }
    }
  }

  /** Says again what holds, to whoever listens. */
  #repeat(): void {
    const now = this.#parts.clock.now();
    const { position } = this.#progress;
    for (const scope of this.#scopes.values()) {
      if (scope.channel.isIdle) continue;
      const entries: Entry[] = [];
      for (const row of scope.rows.all()) this.#spare(scope, row, () => entries.push(...row.repeats(now, position)));
      scope.channel.push(entries);
    }
  }

  /** Does something about a row; one of which nothing can be told is rejected and shown no more. */
  #spare(scope: Scope, row: Row, work: () => void): void {
    try {
      work();
    } catch (thrown) {
      const { slot, storedAt, position, atMs } = row.place;
      scope.rows.put(slot, undefined);
      const stored = { subject: storedAt, data: new Uint8Array(0), position, atMs };
      this.#parts.reject(this.definition, stored, Failure.from(thrown));
      this.#restart(scope);
      if (!this.has(slot.subject)) this.#tellDeleted(slot.subject);
    }
  }

  #tellDeleted(subject: string): void {
    for (const listener of this.#onDelete) listener(subject);
  }

  #push(scope: Scope, entries: readonly Entry[]): void {
    if (!this.#reading) return scope.channel.push(entries);
    const held = this.#reading.held.get(scope) ?? [];
    held.push(...entries);
    this.#reading.held.set(scope, held);
  }

  /** Rows went without a word, or everything did: what is known of changes does not connect, so everybody starts over. */
  #restart(scope: Scope): void {
    const { position } = this.#progress;
    scope.channel.hold();
    scope.channel.release({ entries: [], floor: position, upTo: position });
    scope.channel.greetAll("resync");
  }

  /** All that is stored has been seen: from here on this process is exact again. */
  #settle(): void {
    if (this.#isExact) return;
    this.#isExact = true;
    for (const { ring } of this.#scopes.values()) ring.floor = { position: this.#progress.position, part: 0 };
  }

  #scope(subject: string): Scope {
    const known = this.#scopes.get(subject);
    if (known) return known;
    const scope = this.#openScope(splitSubject(subject)?.org ?? "");
    this.#scopes.set(subject, scope);
    this.#parts.lingering.watch(scope.channel, () => {
      // A scope with rows stays: it must be there when the next client asks.
      return scope.rows.size === 0 && this.#scopes.delete(subject);
    });
    return scope;
  }

  #openScope(org: string): Scope {
    const { definition } = this;
    const { limits, tallies, openings } = this.#parts;
    const rows = new Rows();
    const ring = new Ring(limits);
    const past = new TablePast({
      definition,
      ring,
      progress: this.#progress,
      table: () => this.#openTable(),
      rows: () => Array.from(rows.all(), ({ record }) => record),
      lapses: () => {
        const now = this.#parts.clock.now();
        return [...rows.all()].flatMap((row) => row.lapses(now, this.#progress.position));
      },
      isExact: () => this.#isExact,
    });
    const channel = new Channel({ definition, ring, past, limits, openings, tally: tallies.of(org) });
    const { position } = this.#progress;
    channel.release({ entries: [], floor: position, upTo: position });
    return { channel, ring, rows };
  }

  #openTable(): Table {
    if (this.#table) return this.#table;
    throw new Failure("bus_away", "The bus is away; try again");
  }
}

/** The table is being read, again or for the first time. */
interface Reading {
  /** The subjects known before. */
  readonly known: readonly string[];
  readonly seen: Set<string>;
  /** What has changed meanwhile. */
  readonly held: Map<Scope, Entry[]>;
  readonly isAnother: boolean;
}

/** The rows of one org and parameters, and the channel that tells of them. */
interface Scope {
  readonly channel: Channel;
  readonly ring: Ring;
  readonly rows: Rows;
}
