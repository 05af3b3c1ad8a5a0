import type { Range, Recent, Stored } from "./bus.ts";

/** One store as the ledger knows it. */
export interface Account {
  readonly id: number;
  readonly epoch: string;
  /** The newest position ever given. */
  readonly last: number;
}

/** A message as it goes into the ledger, with the id that makes it a duplicate when it comes again. */
export interface Entry extends Stored {
  readonly id: string | undefined;
}

/** Hears a message; true: that is enough. */
export type Hear = (message: Stored) => boolean;

/** Where the embedded bus writes things down. Every call is synchronous; a failed `write` leaves no trace. */
export interface Ledger {
  /** The account of that name, opened if absent. */
  account(name: string): Account;
  /** All that `work` does, or nothing of it; what is done survives the process. */
  write(work: () => void): void;
  /** Adds a message, within `write`. */
  add(account: number, entry: Entry): void;
  /** Removes a message, within `write`. */
  remove(account: number, position: number): void;
  /** Notes the newest position given, within `write`. */
  advance(account: number, last: number): void;
  /** The position of the message stored with that id, while ids are remembered. */
  positionOf(account: number, id: string): number | undefined;
  /** The newest message of a subject. */
  newest(account: number, subject: string): Stored | undefined;
  /** Every message of an account, oldest first. */
  all(account: number): Stored[];
  /** The oldest position kept, or undefined when nothing is. */
  first(account: number): number | undefined;
  /** Reads messages of a range, oldest first, until `hear` says that it is enough. */
  read(account: number, range: Range, hear: Hear): void;
  /** Reads messages up to a position, newest first, until `hear` says that it is enough. */
  recent(account: number, range: Recent, hear: Hear): void;
  /** Removes messages stored before `ms`, oldest first, at most `limit`; returns how many. */
  expire(account: number, ms: number, limit: number): number;
  /** Removes empty messages stored before `ms`. */
  reap(account: number, ms: number): void;
  /** Forgets ids noted before `ms`. */
  forget(ms: number): void;
  close(): void;
}
