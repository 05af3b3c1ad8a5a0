import { Failure } from "../protocol/failure.ts";
import { Gate } from "./gate.ts";

/** How much may be under way at a time. */
export interface BudgetLimits {
  readonly items: number;
  readonly bytes: number;
}

/** What waits for the bus to acknowledge it, in one process. */
export const writesMax: BudgetLimits = { items: 20_000, bytes: 32 * 1024 * 1024 };

/** Requests of plain subjects that wait for their answer, in one process. */
export const requestsMax: BudgetLimits = { items: 10_000, bytes: 32 * 1024 * 1024 };

const retryAfterMs = 1_000;

/** Counts what is under way, in items and bytes, and refuses what would be too much. */
export class Budget {
  readonly #what: string;
  readonly #limits: BudgetLimits;
  #items = 0;
  #bytes = 0;

  /** `what`: what is counted, for people. */
  constructor(what: string, limits: BudgetLimits) {
    this.#what = what;
    this.#limits = limits;
  }

  /** Does something that is under way until it settles. Throws `bus_away` at once, without doing it, when too much is. */
  async spend<Result>(bytes: number, task: () => Promise<Result>): Promise<Result> {
    const isTooMuch = this.#items >= this.#limits.items || this.#bytes + bytes > this.#limits.bytes;
    if (isTooMuch && this.#items > 0) {
      throw new Failure("bus_away", `Too many ${this.#what} wait for the bus; try again`, { retryAfterMs });
    }
    this.#items += 1;
    this.#bytes += bytes;
    try {
      return await task();
    } finally {
      this.#items -= 1;
      this.#bytes -= bytes;
    }
  }
}

/**
 * What may be under way on one connection to NATS.
 *
 * What is read under way stays far below what a server keeps for a connection that does not read fast enough
 * (`max_pending`, 64 MB by default) before it is cut off: a catch-up or a reading of the past asks for `pulledBytes` at a
 * time (`pull.ts`), a single message brings at most one and a third of the server's `max_payload`.
 */
export interface InFlight {
  /** Readers that catch up. */
  readonly catchUps: Gate;
  /** Readings of the past. */
  readonly readings: Gate;
  /** Single messages that are asked for. */
  readonly gets: Gate;
  readonly writes: Budget;
}

export function newInFlight(): InFlight {
  return {
    catchUps: new Gate(2),
    readings: new Gate(4),
    gets: new Gate(8),
    writes: new Budget("messages", writesMax),
  };
}
