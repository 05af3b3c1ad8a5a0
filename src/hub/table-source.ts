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
import { Row } from "./row.ts";
import type { SourceParts } from "./source.ts";
import { TablePast } from "./table-past.ts";

/** How often is looked for what time has made of rows. */
const sweepMs = 500;

/**
 * A table, read once per process and held in memory: every change of a row becomes entries of the row's channel.
 *
 * A store that keeps only last values may skip one that was soon replaced. Then this process and another one see different
 * changes between the same two states, and a cursor from within that stretch resumes with a snapshot: `#isExact`.
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

  /** Whether there is a row under a subject. */
  has(subject: string): boolean {
    for (const { rows } of this.#scopes.values()) if (rows.has(subject)) return true;
    return false;
  }

  /** Calls `listener` with the subject of every row that is deleted. */
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
    const known = [...this.#scopes.values()].flatMap(({ rows }) => [...rows.keys()]);
    if (isAnother) for (const { rows } of this.#scopes.values()) rows.clear();
    this.#reading = { known, seen: new Set(), held: new Map(), isAnother };
  }

  message(stored: Stored, behind: number): void {
    const hasSkipped = !this.#reading && stored.position !== this.#progress.position + 1;
    if (hasSkipped) this.#isExact = false;
    this.#progress.advance(stored.position);
    this.#reading?.seen.add(stored.subject);
    try {
      this.#apply(addressOf(this.definition, stored), stored);
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
      const vanished = [...scope.rows.keys()].filter((subject) => !reading.seen.has(subject));
      for (const subject of vanished) scope.rows.delete(subject);
      if (reading.isAnother || vanished.length > 0) this.#restart(scope);
      else scope.channel.push(reading.held.get(scope) ?? []);
    }
    this.#isExact = false;
    this.#settle();
    for (const subject of reading.known) if (!this.has(subject)) this.#tellDeleted(subject);
  }

  /** A table skips nothing: its present values are all there is. */
  gap(): void {}

  #apply(address: Address, stored: Stored): void {
    const scope = this.#scope(
      subjectOf(address.org, tailOf(this.definition, paramsOf(this.definition, address.names))),
    );
    const known = scope.rows.get(stored.subject);
    if (known && stored.position <= known.position) return;
    const after = stored.data.length === 0 ? undefined : itemOf(this.definition, address, stored);
    if (after === undefined) {
      scope.rows.delete(stored.subject);
      if (known) this.#tellDeleted(stored.subject);
    }
    const row = after === undefined ? undefined : new Row(this.definition, after, stored);
    row?.lapse(this.#parts.clock.now());
    if (row) scope.rows.set(stored.subject, row);
    if (known === undefined && row === undefined) return;
    const change = changeOf(known?.record, row?.record, stored.atMs);
    const place = { epoch: this.#progress.epoch, position: stored.position, part: 0 };
    this.#push(scope, changeEntries(this.definition, change, place));
  }

  /** Tells what time has made of rows. */
  #sweep(): void {
    if (this.#reading) return;
    const now = this.#parts.clock.now();
    const { position } = this.#progress;
    for (const { rows, channel } of this.#scopes.values()) {
      for (const row of rows.values()) if (row.lapse(now)) channel.push(row.lapses(now, position));
    }
  }

  /** Says again what holds, to whoever listens. */
  #repeat(): void {
    const now = this.#parts.clock.now();
    const { position } = this.#progress;
    for (const { rows, channel } of this.#scopes.values()) {
      if (!channel.isIdle) channel.push([...rows.values()].flatMap((row) => row.repeats(now, position)));
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
      if (scope.rows.size === 0) this.#scopes.delete(subject);
    });
    return scope;
  }

  #openScope(org: string): Scope {
    const { definition } = this;
    const { limits, tallies, openings } = this.#parts;
    const rows: Scope["rows"] = new Map();
    const ring = new Ring(limits);
    const past = new TablePast({
      definition,
      ring,
      progress: this.#progress,
      table: () => this.#openTable(),
      rows: () => Array.from(rows.values(), ({ record }) => record),
      lapses: () => {
        const now = this.#parts.clock.now();
        return [...rows.values()].flatMap((row) => row.lapses(now, this.#progress.position));
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

/** The rows of one org and parameters, by subject, and the channel that tells of them. */
interface Scope {
  readonly channel: Channel;
  readonly ring: Ring;
  readonly rows: Map<string, Row>;
}
