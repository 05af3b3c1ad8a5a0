import { isolate, isolatedClock, type Report } from "../protocol/background.ts";
import type { Clock, Stop } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import type {
  Ack,
  Bounds,
  Bus,
  BusState,
  Follower,
  Journal,
  JournalSpec,
  Range,
  Reading,
  Recent,
  Rows,
  Said,
  Stored,
  StoreSpec,
  Table,
  TableSpec,
  Terms,
} from "./bus.ts";
import { Fanout } from "./fanout.ts";
import { exactSubject, keptSubject, subjectPattern } from "./grammar.ts";
import type { Ledger } from "./ledger.ts";
import { Head } from "./lengths.ts";
import { LocalRows, Watchers } from "./local-rows.ts";
import { Switchboard } from "./switchboard.ts";
import { atEndOfTurn, endOfTurn } from "./turn.ts";
import { type Shelf, Writer } from "./writer.ts";

const sweepEveryMs = 60_000;
const idsKeptMs = 5 * 60_000;
const tombstonesKeptMs = 10 * 60_000;
/** How many expired messages are removed before the event loop gets its turn again. */
const sweepStep = 5_000;

/** What the bus of one process is made of. */
interface LocalParts {
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** Hears in words why messages could not be stored. */
  readonly report: (trouble: string) => void;
  /** Takes what followers, listeners and repliers throw. */
  readonly onException: Report;
}

/** The bus of one process: tables and journals in a ledger, plain subjects on a switchboard. */
export class LocalBus implements Bus {
  readonly kind = "embedded";
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  readonly #onException: Report;
  readonly #writer: Writer;
  readonly #switchboard: Switchboard;
  readonly #tables = new Map<string, LocalTable>();
  readonly #journals = new Map<string, LocalJournal>();
  readonly #watchers: Watchers;
  readonly #listeners = new Set<(state: BusState) => void>();
  readonly #stopSweeping: Stop;
  #state: BusState = "up";

  constructor({ ledger, clock: given, report, onException }: LocalParts) {
    const clock = isolatedClock(given, onException);
    this.#ledger = ledger;
    this.#clock = clock;
    this.#onException = onException;
    this.#watchers = new Watchers(onException);
    this.#writer = new Writer({ ledger, clock, report, onException });
    this.#switchboard = new Switchboard(clock, onException);
    this.#stopSweeping = clock.every(sweepEveryMs, () => this.#sweep());
    this.#sweep();
  }

  get state(): BusState {
    return this.#state;
  }

  onState(listener: (state: BusState) => void): Stop {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  async table(spec: TableSpec): Promise<Table> {
    const desk = this.#desk();
    const open = this.#tables.get(spec.name) ?? new LocalTable(desk, spec);
    if (!this.#tables.has(spec.name)) open.follow(this.#watchers.of(spec.name));
    this.#tables.set(spec.name, open);
    return open;
  }

  rows(spec: StoreSpec): Rows {
    return new LocalRows(spec, () => this.#tables.get(spec.name), this.#watchers);
  }

  async journal(spec: JournalSpec): Promise<Journal> {
    const desk = this.#desk();
    const open = this.#journals.get(spec.name) ?? new LocalJournal(desk, spec);
    this.#journals.set(spec.name, open);
    return open;
  }

  publish(subject: string, data: Uint8Array): void {
    this.#switchboard.publish(subject, data);
  }

  flush(): Promise<void> {
    return endOfTurn();
  }

  subscribe(pattern: string, listener: (message: Said) => void): Stop {
    return this.#switchboard.subscribe(pattern, listener);
  }

  async request(subject: string, data: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    return this.#switchboard.request(subject, data, timeoutMs);
  }

  reply(pattern: string, answer: (message: Said) => Promise<Uint8Array>): Stop {
    return this.#switchboard.reply(pattern, answer);
  }

  async close(): Promise<void> {
    if (this.#state === "away") return;
    this.#writer.close();
    this.#stopSweeping();
    this.#switchboard.close();
    this.#state = "away";
    this.#ledger.close();
    for (const listener of this.#listeners) {
      isolate("telling that the bus is away", () => listener("away"), this.#onException);
    }
  }

  /** What a store needs; a closed bus has none. */
  #desk(): Desk {
    if (this.#state === "away") throw new Failure("bus_away", "The bus is closed");
    return { ledger: this.#ledger, writer: this.#writer, onException: this.#onException };
  }

  /** A sweep that fails, on a full disk say, is a sweep for the next minute. */
  #sweep(): void {
    if (this.#state === "away") return;
    const now = this.#clock.now();
    try {
      this.#ledger.forget(now - idsKeptMs);
      for (const table of this.#tables.values()) table.reap(now - tombstonesKeptMs);
      const removed = [...this.#tables.values(), ...this.#journals.values()].map((store) => store.expire(now));
      if (removed.some((count) => count === sweepStep)) {
        atEndOfTurn("removing what has expired", () => this.#sweep(), this.#onException);
      }
    } catch {
      // Nothing is lost by keeping too much for a minute.
    }
  }
}

interface Desk {
  readonly ledger: Ledger;
  readonly writer: Writer;
  readonly onException: Report;
}

/** What tables and journals of the embedded bus have in common. */
class LocalStore {
  readonly shelf: Shelf;
  readonly #ledger: Ledger;
  readonly #writer: Writer;
  readonly #subjects: readonly string[];

  constructor({ ledger, writer, onException }: Desk, spec: StoreSpec, keeps: Shelf["keeps"]) {
    this.#ledger = ledger;
    this.#writer = writer;
    this.#subjects = spec.subjects.map(subjectPattern);
    const prefix = keeps === "last value" ? "table" : "journal";
    const account = ledger.account(`${prefix} ${spec.name}`);
    const fanout = new Fanout({
      store: spec.name,
      rows: () => (keeps === "last value" ? this.values() : []),
      report: onException,
    });
    this.shelf = { ...account, keeps, fanout };
    fanout.begin(account.epoch);
    fanout.level(account.last);
  }

  /** Throws `bus_away` once the bus is closed. */
  get ledger(): Ledger {
    if (this.#writer.closed) throw new Failure("bus_away", "The bus is closed");
    return this.#ledger;
  }

  values(): Stored[] {
    return this.ledger.all(this.shelf.id).filter(({ data }) => data.length > 0);
  }

  /** Copies the body: it is written at the end of this turn, and the caller may use its buffer again before. */
  async put(subject: string, data: Uint8Array, terms: Terms): Promise<Ack> {
    const said = { subject: keptSubject(this.#subjects, subject), data: new Uint8Array(data) };
    return this.#writer.put(this.shelf, said, terms);
  }

  follow(follower: Follower): Stop {
    return this.shelf.fanout.join(follower);
  }

  async bounds(): Promise<Bounds> {
    const { id, epoch, last } = this.shelf;
    return { epoch, first: this.ledger.first(id) ?? last + 1, last };
  }

  /** Removes some of what was stored before `ms`; returns how many messages. */
  expire(ms: number): number {
    return this.ledger.expire(this.shelf.id, ms, sweepStep);
  }
}

class LocalTable implements Table {
  readonly #store: LocalStore;
  readonly #keepMs: number | undefined;

  constructor(desk: Desk, spec: TableSpec) {
    this.#store = new LocalStore(desk, spec, "last value");
    this.#keepMs = spec.keepMs;
  }

  async put(subject: string, data: Uint8Array, terms: Terms = {}): Promise<Ack> {
    return this.#store.put(subject, data, terms);
  }

  /** The trace goes with those of other deleted values, ten minutes later. */
  async remove(subject: string, position: number): Promise<void> {
    await this.#store.put(subject, new Uint8Array(0), { expected: position });
  }

  async get(subject: string): Promise<Stored | undefined> {
    const stored = this.#store.ledger.newest(this.#store.shelf.id, exactSubject(subject));
    return stored?.data.length ? stored : undefined;
  }

  follow(follower: Follower): Stop {
    return this.#store.follow(follower);
  }

  async bounds(): Promise<Bounds> {
    return this.#store.bounds();
  }

  reap(beforeMs: number): void {
    this.#store.ledger.reap(this.#store.shelf.id, beforeMs);
  }

  expire(nowMs: number): number {
    return this.#keepMs === undefined ? 0 : this.#store.expire(nowMs - this.#keepMs);
  }
}

class LocalJournal implements Journal {
  readonly #store: LocalStore;
  readonly #keepMs: number;

  constructor(desk: Desk, spec: JournalSpec) {
    this.#store = new LocalStore(desk, spec, "every event");
    this.#keepMs = spec.keepMs;
  }

  async append(subject: string, data: Uint8Array, id?: string): Promise<Ack> {
    return this.#store.put(subject, data, id === undefined ? {} : { id });
  }

  follow(follower: Follower): Stop {
    return this.#store.follow(follower);
  }

  async read(range: Range): Promise<Reading> {
    subjectPattern(range.subject);
    const head = new Head(range);
    this.#store.ledger.read(this.#store.shelf.id, range, (message) => head.add(message));
    const { first } = await this.#store.bounds();
    return { messages: head.messages, lost: range.after < first - 1, more: head.isFull };
  }

  async recent(range: Recent): Promise<Omit<Reading, "lost">> {
    subjectPattern(range.subject);
    const head = new Head(range);
    this.#store.ledger.recent(this.#store.shelf.id, range, (message) => head.add(message));
    return { messages: head.messages.toReversed(), more: head.isFull };
  }

  async bounds(): Promise<Bounds> {
    return this.#store.bounds();
  }

  expire(nowMs: number): number {
    return this.#store.expire(nowMs - this.#keepMs);
  }
}
