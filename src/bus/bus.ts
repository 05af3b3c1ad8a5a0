import type { Stop } from "../protocol/clock.ts";

/**
 * Where messages come from: tables (the last value per subject), journals (events kept in order) and plain subjects.
 *
 * Both implementations, `embedded.ts` and `nats.ts`, pass the same contract suite (`test/bus/contract.ts`).
 */
export interface Bus {
  /** What it is, for people. */
  readonly kind: "embedded" | "nats";

  /** `up` when messages flow and publishes are acknowledged, `away` otherwise. */
  readonly state: BusState;

  /** Calls `listener` at every change of state, not at once. */
  onState(listener: (state: BusState) => void): Stop;

  /** The table of that name, created if absent. Throws `bus_away` when it cannot be reached. */
  table(spec: TableSpec): Promise<Table>;

  /** The journal of that name, created if absent. Throws `bus_away` when it cannot be reached. */
  journal(spec: JournalSpec): Promise<Journal>;

  /** Single rows of a table, for a client that may not read the whole of it. It neither creates nor inspects the table. */
  rows(spec: StoreSpec): Rows;

  /** Says something once to whoever listens now; nothing is kept, and nothing is promised. */
  publish(subject: string, data: Uint8Array): void;

  /** Settles when what was published so far has left this process, or will not; whoever publishes much waits for it. */
  flush(): Promise<void>;

  /** Hears everything said on subjects that match; `*` matches one token, `>` at the end the rest. */
  subscribe(pattern: string, listener: (message: Said) => void): Stop;

  /** Asks and waits for one answer. Throws `no_responder` when nobody listens, `bus_away` after `timeoutMs`. */
  request(subject: string, data: Uint8Array, timeoutMs: number): Promise<Uint8Array>;

  /** Answers requests on subjects that match; what `answer` throws reaches the asker as a Failure. */
  reply(pattern: string, answer: (message: Said) => Promise<Uint8Array>): Stop;

  /** Stops reading, waits for publishes under way and lets go of the connection or the file. */
  close(): Promise<void>;
}

export type BusState = "up" | "away";

/** A message of a plain subject. */
export interface Said {
  readonly subject: string;
  readonly data: Uint8Array;
}

/** What a store is called and which subjects it keeps, wildcards allowed. */
export interface StoreSpec {
  readonly name: string;
  readonly subjects: readonly string[];
}

export interface TableSpec extends StoreSpec {
  /**
   * How long a value is kept, in milliseconds. Default: for good. No follower is told of a value that has gone by age, so
   * that this is for tables that are read and not followed.
   */
  readonly keepMs?: number;
}

export interface JournalSpec extends StoreSpec {
  /** How long a message is kept, in milliseconds. */
  readonly keepMs: number;
}

/** A message as a store keeps it. */
export interface Stored extends Said {
  /** Counts the store's messages from 1, in order, with holes where messages were removed. */
  readonly position: number;
  /** When it was stored, in milliseconds since 1970. */
  readonly atMs: number;
}

/** A store's word that it keeps a message, through a crash of any process. */
export interface Ack {
  readonly position: number;
  /** Whether the message id was stored before; then `position` is the earlier message's. */
  readonly duplicate: boolean;
}

/** What a put asks for besides the value: the position it replaces, and an id that makes it a duplicate when it comes again. */
export interface Terms {
  readonly expected?: number;
  readonly id?: string;
}

/** The last value of every subject. An empty body means: deleted. */
export interface Table {
  /**
   * Stores the new value of a subject; an empty body deletes it.
   *
   * Throws `conflict` when `expected` is not the position of the present value (0: there is none), `bus_away` when no
   * acknowledgement came, or at once when too much waits for one.
   */
  put(subject: string, data: Uint8Array, terms?: Terms): Promise<Ack>;

  /**
   * Deletes the value at a position and leaves no trace of it in the store; a follower may or may not be told.
   *
   * Throws `conflict` when it is not the present value of the subject, `bus_away`.
   */
  remove(subject: string, position: number): Promise<void>;

  /** The present value of a subject, or undefined when there is none. */
  get(subject: string): Promise<Stored | undefined>;

  /** Reads every present value, then every change. */
  follow(follower: Follower): Stop;

  /** What is stored now, as the store itself says. Throws `bus_away`. */
  bounds(): Promise<Bounds>;
}

/** Single rows of a table by their subjects: what is left of `Table` without the right to follow or to create it. */
export interface Rows {
  /** Like `Table.put`. Throws `bus_away` also while there is no such table. */
  put(subject: string, data: Uint8Array, terms?: Terms): Promise<Ack>;

  /** Like `Table.get`. Throws `bus_away` when no answer came, also while there is no such table. */
  get(subject: string): Promise<Stored | undefined>;

  /**
   * Hears what is put on subjects that match, its own puts included, from when the bus is up.
   *
   * Nothing is promised: what is put while the connection is lost is not heard, and a put that was refused may be.
   */
  watch(pattern: string, listener: (message: Said) => void): Stop;
}

/** Events kept in order for a while. */
export interface Journal {
  /** Stores an event; one with an `id` stored within the last five minutes is a duplicate and not stored. Throws `bus_away`. */
  append(subject: string, data: Uint8Array, id?: string): Promise<Ack>;

  /** Reads every event stored from now on, that is after the position it is level at first. */
  follow(follower: Follower): Stop;

  /** Events with `after < position <= upTo` whose subject matches, oldest first, as many as fit. Throws `bus_away`. */
  read(range: Range): Promise<Reading>;

  /**
   * The newest events with `position <= upTo` whose subject matches, oldest first, as many as fit; `more`: older ones may
   * have been left out. Throws `bus_away`.
   */
  recent(range: Recent): Promise<Omit<Reading, "lost">>;

  /** What is stored now, as the store itself says. Throws `bus_away`. */
  bounds(): Promise<Bounds>;
}

export interface Bounds {
  readonly epoch: string;
  /** The oldest position still kept; `last + 1` when nothing is. */
  readonly first: number;
  /** The newest position ever given, 0 before the first. */
  readonly last: number;
}

export interface Range {
  readonly subject: string;
  readonly after: number;
  readonly upTo: number;
  /** How many messages at most. */
  readonly limit: number;
  /** How many bytes of bodies at most, but for a single larger message. Default: as many as `limit` messages have. */
  readonly maxBytes?: number;
}

export interface Recent {
  readonly subject: string;
  readonly upTo: number;
  readonly limit: number;
  /** As that of `Range`; the oldest messages are left out. */
  readonly maxBytes?: number;
}

export interface Reading {
  readonly messages: Stored[];
  /** Whether messages after `after`, of any subject, were removed before they could be read. */
  readonly lost: boolean;
  /** Whether a bound was reached, so that there may be more than `messages`. */
  readonly more: boolean;
}

/**
 * One who reads a store. The calls come in order and one at a time; an exception in one of them is a defect.
 *
 * Through a loss of connection the store finds its place again by itself. A table then reads all its present values
 * once more, between a `begin` and a `level`; a value that is missing there was deleted.
 */
export interface Follower {
  /** A reading begins, or begins again. Another epoch than before: nothing known so far holds. */
  begin(epoch: string): void;

  /** A stored message. `behind`: how many stored ones follow it at this moment. */
  message(message: Stored, behind: number): void;

  /** Everything stored when the reading began has been told; `position` is where it stands. */
  level(position: number): void;

  /** Events up to and including `position` were removed before they could be read. */
  gap(position: number): void;
}
