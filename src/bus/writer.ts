import { isolate, type Report } from "../protocol/background.ts";
import type { Clock } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import type { Ack, Said, Stored, Terms } from "./bus.ts";
import type { Fanout } from "./fanout.ts";
import { Budget, writesMax } from "./in-flight.ts";
import type { Ledger } from "./ledger.ts";
import { atEndOfTurn } from "./turn.ts";

/** A store of the embedded bus while it is open. */
export interface Shelf {
  readonly id: number;
  readonly epoch: string;
  /** What a new message does to the older ones of its subject. */
  readonly keeps: "last value" | "every event";
  readonly fanout: Fanout;
  /** The newest position given; the writer moves it. */
  last: number;
}

interface Order {
  readonly shelf: Shelf;
  readonly said: Said;
  readonly terms: Terms;
  readonly resolve: (ack: Ack) => void;
  readonly reject: (failure: Failure) => void;
}

/** What became of an order: acknowledged, stored or not because it was a duplicate, or refused. */
type Outcome = { readonly ack: Ack; readonly stored?: Stored } | { readonly refused: Failure };

interface WriterParts {
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** Hears in words why a transaction failed. */
  readonly report: (trouble: string) => void;
  readonly onException: Report;
}

/**
 * Writes all that was published in one turn of the event loop in one transaction, acknowledges it, then tells the followers.
 *
 * A transaction that fails refuses its publishes with `bus_away` and leaves everything as it was; so does a turn with too
 * many of them those that come last.
 */
export class Writer {
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  readonly #report: (trouble: string) => void;
  readonly #budget = new Budget("messages", writesMax);
  readonly #onException: Report;
  #orders: Order[] = [];
  #closed = false;

  constructor({ ledger, clock, report, onException }: WriterParts) {
    this.#ledger = ledger;
    this.#clock = clock;
    this.#report = report;
    this.#onException = onException;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Stores a message at the end of this turn. */
  put(shelf: Shelf, said: Said, terms: Terms): Promise<Ack> {
    if (this.#closed) return Promise.reject(new Failure("bus_away", "The bus is closed"));
    return this.#budget.spend(said.data.length, () => {
      if (this.#orders.length === 0) {
        atEndOfTurn("storing what was published", () => this.flush(), this.#onException);
      }
      const { promise, resolve, reject } = Promise.withResolvers<Ack>();
      this.#orders.push({ shelf, said, terms, resolve, reject });
      return promise;
    });
  }

  /** Writes now what is waiting. */
  flush(): void {
    const orders = this.#orders;
    this.#orders = [];
    if (orders.length === 0) return;
    const outcomes = this.#write(orders);
    for (const [i, order] of orders.entries()) settle(order, outcomes[i]);
    tell(orders, outcomes);
  }

  /** Writes what is waiting and takes nothing more. */
  close(): void {
    this.flush();
    this.#closed = true;
  }

  #write(orders: readonly Order[]): Outcome[] {
    const lasts = new Map(orders.map(({ shelf }) => [shelf, shelf.last]));
    let outcomes: Outcome[] = [];
    try {
      this.#ledger.write(() => {
        outcomes = orders.map((order) => this.#enter(order));
        for (const shelf of lasts.keys()) this.#ledger.advance(shelf.id, shelf.last);
      });
      return outcomes;
    } catch (trouble) {
      for (const [shelf, last] of lasts) shelf.last = last;
      const text = trouble instanceof Error ? trouble.message : String(trouble);
      isolate("saying why a message could not be stored", () => this.#report(text), this.#onException);
      return orders.map(() => ({ refused: new Failure("bus_away", "The message could not be stored") }));
    }
  }

  #enter({ shelf, said, terms }: Order): Outcome {
    const earlier = terms.id === undefined ? undefined : this.#ledger.positionOf(shelf.id, terms.id);
    if (earlier !== undefined) return { ack: { position: earlier, duplicate: true } };
    const older = shelf.keeps === "last value" ? this.#ledger.newest(shelf.id, said.subject) : undefined;
    if (!isExpected(older, terms.expected))
      return { refused: new Failure("conflict", "Another value was stored before") };
    shelf.last += 1;
    const stored: Stored = { subject: said.subject, data: said.data, position: shelf.last, atMs: this.#clock.now() };
    this.#ledger.add(shelf.id, { ...stored, id: terms.id });
    if (older) this.#ledger.remove(shelf.id, older.position);
    return { ack: { position: stored.position, duplicate: false }, stored };
  }
}

/** An empty message says that there is no value, so that 0 is expected right; so is its own position, as on NATS. */
function isExpected(present: Stored | undefined, expected: number | undefined): boolean {
  if (expected === undefined || present?.position === expected) return true;
  return expected === 0 && (present === undefined || present.data.length === 0);
}

function settle({ resolve, reject }: Order, outcome: Outcome | undefined): void {
  if (outcome === undefined) return;
  if ("refused" in outcome) reject(outcome.refused);
  else resolve(outcome.ack);
}

/** Positions rise within each shelf, and only there they have to: shelf after shelf is in order. */
function tell(orders: readonly Order[], outcomes: readonly Outcome[]): void {
  const news = new Map<Shelf, Stored[]>();
  for (const [i, { shelf }] of orders.entries()) {
    const outcome = outcomes[i];
    if (outcome === undefined || "refused" in outcome || !outcome.stored) continue;
    const list = news.get(shelf);
    if (list) list.push(outcome.stored);
    else news.set(shelf, [outcome.stored]);
  }
  for (const [shelf, list] of news) {
    for (const [i, stored] of list.entries()) shelf.fanout.message(stored, list.length - 1 - i);
  }
}
