import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type SQLOutputValue, type StatementSync } from "node:sqlite";
import type { Report } from "../protocol/background.ts";
import type { Clock } from "../protocol/clock.ts";
import { matches } from "../protocol/subject.ts";
import type { Bus, Range, Recent, Stored } from "./bus.ts";
import type { Account, Entry, Hear, Ledger } from "./ledger.ts";
import { LocalBus } from "./local.ts";

/** Where the embedded bus keeps its file. */
export interface EmbeddedOptions {
  /** A path, its folder created if absent, or `:memory:` to keep nothing. */
  readonly file: string;
  readonly clock: Clock;
  /** How large the file may grow, in bytes, rounded up to pages of 4 KiB. Default: as large as the disk. */
  readonly limitBytes?: number;
  /** Hears in words why messages could not be stored. Default: nobody does. */
  readonly report?: (trouble: string) => void;
  /** Takes what followers, listeners and repliers throw, with what it was about. Default: `console.error`. */
  readonly onException?: Report;
}

/**
 * A bus inside this process, durable in one SQLite file.
 *
 * An acknowledged message survives `kill -9` of the process; a power cut may cost the last ones. Throws an Error that says
 * what to do when another process uses the file.
 */
export async function openEmbeddedBus(options: EmbeddedOptions): Promise<Bus> {
  const { clock, report = () => {}, onException = console.error } = options;
  return new LocalBus({ ledger: new SqliteLedger(options), clock, report, onException });
}

const pageBytes = 4096;

/** One process only: SQLite then needs no shared memory, and a second one finds the file locked. */
const pragmas = `
  PRAGMA page_size = ${pageBytes};
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA cache_size = -65536;
  PRAGMA wal_autocheckpoint = 8000;
`;

const schema = `
  CREATE TABLE IF NOT EXISTS stores (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, epoch TEXT NOT NULL, last INTEGER NOT NULL
  );
  CREATE TABLE IF NOT EXISTS messages (
    store INTEGER NOT NULL, position INTEGER NOT NULL, subject TEXT NOT NULL, data BLOB NOT NULL, at_ms INTEGER NOT NULL,
    PRIMARY KEY (store, position)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS messages_by_subject ON messages (store, subject, position);
  CREATE TABLE IF NOT EXISTS ids (
    store INTEGER NOT NULL, id TEXT NOT NULL, position INTEGER NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (store, id)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS ids_by_age ON ids (at_ms);
`;

const columns = "SELECT position, subject, data, at_ms FROM messages";
const row = `${columns} WHERE store = ?`;
/** Said, because SQLite would rather go through the whole store in the order that is asked for. */
const rowOf = `${columns} INDEXED BY messages_by_subject WHERE store = ? AND subject = ?`;

/** Every statement, prepared once. */
const sql = {
  account: "SELECT id, epoch, last FROM stores WHERE name = ?",
  open: "INSERT INTO stores (name, epoch, last) VALUES (?, ?, 0)",
  advance: "UPDATE stores SET last = ? WHERE id = ?",
  add: "INSERT INTO messages (store, position, subject, data, at_ms) VALUES (?, ?, ?, ?, ?)",
  remove: "DELETE FROM messages WHERE store = ? AND position = ?",
  remember: "INSERT OR REPLACE INTO ids (store, id, position, at_ms) VALUES (?, ?, ?, ?)",
  positionOf: "SELECT position FROM ids WHERE store = ? AND id = ?",
  forget: "DELETE FROM ids WHERE at_ms < ?",
  newest: `${rowOf} ORDER BY position DESC LIMIT 1`,
  all: `${row} ORDER BY position`,
  first: "SELECT position FROM messages WHERE store = ? ORDER BY position LIMIT 1",
  forward: `${row} AND position > ? AND position <= ? ORDER BY position`,
  forwardOf: `${rowOf} AND position > ? AND position <= ? ORDER BY position LIMIT ?`,
  backward: `${row} AND position <= ? ORDER BY position DESC`,
  backwardOf: `${rowOf} AND position <= ? ORDER BY position DESC LIMIT ?`,
  // Times rise with positions but for a clock that was set back; then some messages stay a little longer.
  young: "SELECT position FROM messages WHERE store = ? AND at_ms >= ? ORDER BY position LIMIT 1",
  expire: `DELETE FROM messages WHERE store = ? AND position < ? AND position <=
    (SELECT max(position) FROM (SELECT position FROM messages WHERE store = ? ORDER BY position LIMIT ?))`,
  reap: "DELETE FROM messages WHERE store = ? AND length(data) = 0 AND at_ms < ?",
} as const;

type Statements = Record<keyof typeof sql, StatementSync>;

class SqliteLedger implements Ledger {
  readonly #db: DatabaseSync;
  readonly #run: Statements;

  constructor({ file, limitBytes }: EmbeddedOptions) {
    if (file !== ":memory:") mkdirSync(dirname(file), { recursive: true });
    this.#db = openAlone(file);
    if (limitBytes !== undefined) this.#db.exec(`PRAGMA max_page_count = ${Math.ceil(limitBytes / pageBytes)}`);
    const prepared = Object.entries(sql).map(([name, text]) => [name, this.#db.prepare(text)]);
    this.#run = Object.fromEntries(prepared) as Statements;
  }

  account(name: string): Account {
    const known = this.#run.account.get(name);
    if (known) return { id: Number(known.id), epoch: String(known.epoch), last: Number(known.last) };
    this.#run.open.run(name, randomEpoch());
    return this.account(name);
  }

  write(work: () => void): void {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      work();
      this.#db.exec("COMMIT");
    } catch (trouble) {
      this.#undo();
      throw trouble;
    }
  }

  /** A full disk ends some transactions by itself, others not. */
  #undo(): void {
    try {
      this.#db.exec("ROLLBACK");
    } catch {
      // It was over already.
    }
  }

  add(account: number, { position, subject, data, atMs, id }: Entry): void {
    this.#run.add.run(account, position, subject, data, atMs);
    if (id !== undefined) this.#run.remember.run(account, id, position, atMs);
  }

  remove(account: number, position: number): void {
    this.#run.remove.run(account, position);
  }

  advance(account: number, last: number): void {
    this.#run.advance.run(last, account);
  }

  positionOf(account: number, id: string): number | undefined {
    const found = this.#run.positionOf.get(account, id);
    return found && Number(found.position);
  }

  newest(account: number, subject: string): Stored | undefined {
    const found = this.#run.newest.get(account, subject);
    return found && parseRow(found);
  }

  all(account: number): Stored[] {
    return this.#run.all.all(account).map(parseRow);
  }

  first(account: number): number | undefined {
    const found = this.#run.first.get(account);
    return found && Number(found.position);
  }

  read(account: number, { subject, after, upTo, limit }: Range, hear: Hear): void {
    if (limit <= 0) return;
    const rows = isPattern(subject)
      ? this.#run.forward.iterate(account, after, upTo)
      : this.#run.forwardOf.iterate(account, subject, after, upTo, limit);
    tellRows(rows, subject, hear);
  }

  recent(account: number, { subject, upTo, limit }: Recent, hear: Hear): void {
    if (limit <= 0) return;
    const rows = isPattern(subject)
      ? this.#run.backward.iterate(account, upTo)
      : this.#run.backwardOf.iterate(account, subject, upTo, limit);
    tellRows(rows, subject, hear);
  }

  expire(account: number, ms: number, limit: number): number {
    const young = this.#run.young.get(account, ms);
    const end = young ? Number(young.position) : Number.MAX_SAFE_INTEGER;
    return Number(this.#run.expire.run(account, end, account, limit).changes);
  }

  reap(account: number, ms: number): void {
    this.#run.reap.run(account, ms);
  }

  forget(ms: number): void {
    this.#run.forget.run(ms);
  }

  close(): void {
    this.#db.close();
  }
}

/** The first statement that touches the file takes its lock, for as long as the database is open. */
function openAlone(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: 0 });
  try {
    db.exec(pragmas);
    db.exec(schema);
    return db;
  } catch (trouble) {
    db.close();
    if (!/locked|busy/.test(String(trouble))) throw trouble;
    throw new Error(
      `The data directory ${dirname(file)} is in use by another process. Stop that one, or choose another directory.`,
    );
  }
}

type Row = Record<string, SQLOutputValue>;

function parseRow({ position, subject, data, at_ms }: Row): Stored {
  const body = data instanceof Uint8Array ? data : new Uint8Array(0);
  return { position: Number(position), subject: String(subject), data: body, atMs: Number(at_ms) };
}

function isPattern(subject: string): boolean {
  return /[*>]/.test(subject);
}

function tellRows(rows: Iterable<Row>, pattern: string, hear: Hear): void {
  for (const found of rows) {
    if (matches(pattern, String(found.subject)) && hear(parseRow(found))) return;
  }
}

function randomEpoch(): string {
  return randomUUID().replaceAll("-", "").slice(0, 12);
}
