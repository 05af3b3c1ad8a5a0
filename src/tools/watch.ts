import type { Bus, Follower, Journal, JournalSpec, Stored } from "../bus/bus.ts";
import { inBackground } from "../protocol/background.ts";
import type { Clock, Stop } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import { Opening } from "../protocol/opening.ts";
import { type Lease, Leases } from "./leases.ts";

/** What a watch is made of. */
export interface WatchParts {
  readonly bus: Bus;
  readonly clock: Clock;
  /** A number from 0 to 1. */
  readonly random: () => number;
  /** The journal of the stream `graph`. */
  readonly journal: JournalSpec;
  /** Hears of defects. */
  readonly report: (fault: unknown) => void;
}

const lookEveryMs = 1_000;
/** Gateways come to a lapsed lease at different moments, so that mostly one of them finds it. */
const spreadMs = 2_000;
/** How much of the past is read at a time. */
const page = { limit: 5_000, maxBytes: 4 * 1024 * 1024 };

/**
 * Ends the tools whose processes have died: one that has promised to be heard of, and is not, gets a `tool_end` with the status
 * `error`. Every gateway watches, and the id of that event lets only the first one's be stored.
 */
export class ToolWatch {
  readonly #parts: WatchParts;
  readonly #leases = new Leases();
  readonly #stops: Stop[] = [];
  #watching: Watching | undefined;
  readonly #opening = new Opening(() => this.#openJournal());
  #isClosed = false;
  #isLooking = false;

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  /**
   * Begins to watch; while the bus is away it returns, and begins as soon as the bus is up.
   *
   * Throws when the bus will never do, for example because a stream there has another configuration.
   */
  async start(): Promise<void> {
    const { bus, clock, report } = this.#parts;
    this.#stops.push(
      bus.onState((state) => {
        if (state === "up") this.#leases.renewAll(clock.now());
        if (state === "up") inBackground("opening the journal of tools", this.#opening.open(), report);
      }),
      clock.every(lookEveryMs, () => inBackground("looking for tools that lapsed", this.#look(), report)),
    );
    await this.#opening.open();
  }

  /** Stops watching; the bus stays open. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const stop of this.#stops.splice(0)) stop();
    this.#watching?.stop();
  }

  async #openJournal(): Promise<void> {
    const { bus, clock, journal: spec, report } = this.#parts;
    const journal = await bus.journal(spec);
    if (this.#isClosed) return;
    this.#watching = new Watching({ journal, pattern: spec.subjects, leases: this.#leases, clock, report });
  }

  /** Ends what has lapsed, when this process surely has heard everything that was said. */
  async #look(): Promise<void> {
    const { bus, clock, report } = this.#parts;
    if (this.#isLooking || bus.state === "away" || !this.#watching?.isLevel) return;
    this.#isLooking = true;
    try {
      const lapsed = this.#leases.lapsed(clock.now());
      if (lapsed.length > 0 && (await this.#watching.hasHeardAll())) {
        for (const lease of lapsed) await this.#end(this.#watching.journal, lease);
      }
    } catch (thrown) {
      if (!(thrown instanceof Failure && thrown.code === "bus_away")) report(thrown);
    }
    this.#isLooking = false;
  }

  /** Once it is stored, it comes back as an event and takes the lease away. */
  async #end(journal: Journal, lease: Lease): Promise<void> {
    const { clock, random } = this.#parts;
    const { subject, start, position, startedAtMs } = lease;
    const now = clock.now();
    if (lease.lapsesAtMs > now || !this.#leases.has(lease)) return;
    const { tool, call_id, run_id, agent_id } = start;
    const body = {
      type: "tool_end",
      timestamp: new Date(now).toISOString(),
      ...{ run_id, agent_id, tool, call_id },
      duration_s: Math.max(0, now - startedAtMs) / 1000,
      exit_code: null,
      status: "error",
      reason: "lease lapsed",
    };
    lease.lapsesAtMs = now + lookEveryMs + random() * spreadMs;
    // The position tells apart calls that are named alike, the subject those of other orgs and crews. Every gateway knows when the
    // start was stored; other orgs do not, so they cannot use up the id.
    const id = `lapse-${subject}-${call_id ?? ""}-${position}-${startedAtMs}`;
    await journal.append(subject, new TextEncoder().encode(JSON.stringify(body)), id);
  }
}

interface WatchingParts {
  readonly journal: Journal;
  readonly pattern: readonly string[];
  readonly leases: Leases;
  readonly clock: Clock;
  readonly report: (fault: unknown) => void;
}

/** The events of the journal: the past with what comes meanwhile, and then live. */
class Watching implements Follower {
  readonly journal: Journal;
  readonly stop: Stop;
  readonly #parts: WatchingParts;
  /** Whether the past is known, too. */
  isLevel = false;
  /** Counts the readings of the past; only the newest one counts. */
  #reading = 0;
  #epoch = "";
  #position = 0;

  constructor(parts: WatchingParts) {
    this.journal = parts.journal;
    this.#parts = parts;
    this.stop = parts.journal.follow(this);
  }

  /** Whether nothing was stored that has not come here yet. */
  async hasHeardAll(): Promise<boolean> {
    const { epoch, last } = await this.journal.bounds();
    return this.isLevel && epoch === this.#epoch && last <= this.#position;
  }

  begin(epoch: string): void {
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    this.#position = 0;
    this.#parts.leases.clear();
    this.isLevel = false;
    this.#reading += 1;
  }

  message(message: Stored): void {
    this.#position = message.position;
    // What comes while the past is read is read with it.
    if (this.isLevel) this.#parts.leases.take(message, this.#parts.clock.now());
  }

  level(position: number): void {
    this.#position = Math.max(this.#position, position);
    if (!this.isLevel) this.#beginPast();
  }

  gap(position: number): void {
    this.#position = Math.max(this.#position, position);
  }

  #beginPast(): void {
    this.#reading += 1;
    inBackground("reading the past of tools", this.#readPast(this.#reading), this.#parts.report);
  }

  /** A tool of the past gets its whole time again: how late it is when it is read says nothing of it. */
  async #readPast(reading: number): Promise<void> {
    const { clock, leases, report } = this.#parts;
    try {
      const { first } = await this.journal.bounds();
      let after = first - 1;
      while (after < this.#position && reading === this.#reading) {
        const upTo = this.#position;
        const { messages, more } = await this.journal.read({ subject: this.#pattern, after, upTo, ...page });
        if (reading !== this.#reading) return;
        for (const message of messages) leases.take(message, clock.now());
        after = more ? (messages.at(-1)?.position ?? upTo) : upTo;
      }
    } catch (thrown) {
      if (!(thrown instanceof Failure && thrown.code === "bus_away")) report(thrown);
      // It is tried again, until it succeeds.
      clock.after(lookEveryMs, () => reading === this.#reading && this.#beginPast());
      return;
    }
    if (reading === this.#reading) this.isLevel = true;
  }

  get #pattern(): string {
    return this.#parts.pattern[0] ?? ">";
  }
}
