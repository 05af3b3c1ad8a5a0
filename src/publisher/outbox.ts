import { inBackground, isolate } from "../protocol/background.ts";
import type { Clock, Stop } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import { Entry, Lane, type Parcel, unawaited } from "./lane.ts";

/** A message that will never be stored, as far as this process knows. */
export interface Drop {
  /** Where it was to go: `runs.r1`. */
  readonly tail: string;
  readonly id: string;
  readonly failure: Failure;
}

/** What became of everything since the beginning. */
export interface Tally {
  readonly stored: number;
  /** Told to `onDrop`, one by one. */
  readonly dropped: number;
  /** Values of rows that became untrue before anybody could be told; their promises settle with the newer value. */
  readonly superseded: number;
  /** Neither stored nor dropped so far. */
  readonly waiting: number;
}

/** What an outbox is made of. */
export interface OutboxParts {
  readonly clock: Clock;
  /** A number from 0 to 1. */
  readonly random: () => number;
  /** How many parcels may be under way at a time. */
  readonly width: number;
  readonly keepsOrder: boolean;
  readonly mostMessages: number;
  readonly mostBytes: number;
  readonly onDrop: (drop: Drop) => void;
}

const retryAfterMs = 100;
const retryAtMostAfterMs = 5_000;

/** What concerns everything that waits, and not only what was refused. */
const general: ReadonlySet<string> = new Set(["bus_away", "keys_away", "shutting_down", "too_many_publishes"]);

/**
 * Sends what it is given until it is stored: in order within a lane, again and again while nobody is there, in a buffer
 * that has an end. When that is reached, what has waited longest is dropped, and told.
 */
export class Outbox<Receipt> {
  readonly #parts: OutboxParts;
  readonly #lanes = new Map<string, Lane<Receipt>>();
  /** Lanes whose next parcel may be sent, in the order of their turns. */
  readonly #ready = new Set<Lane<Receipt>>();
  /** Everything that is not settled, the oldest first. */
  readonly #entries = new Set<Entry<Receipt>>();
  #bytes = 0;
  #underway = 0;
  #count = 0;
  #stored = 0;
  #dropped = 0;
  #superseded = 0;
  #failures = 0;
  #stopPause: Stop | undefined;
  #closed: Failure | undefined;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
  }

  /** Whether nobody took the last parcel. */
  get isAway(): boolean {
    return this.#failures > 0;
  }

  get tally(): Tally {
    return {
      stored: this.#stored,
      dropped: this.#dropped,
      superseded: this.#superseded,
      waiting: this.#entries.size,
    };
  }

  /** Settles when it is stored; rejects when it never will be. Whoever does not care need not wait. */
  add(parcel: Parcel<Receipt>): Promise<Receipt> {
    const entry = new Entry(parcel, ++this.#count);
    if (this.#closed) return this.refuse(parcel, this.#closed);
    const { mostBytes } = this.#parts;
    if (parcel.bytes > mostBytes) {
      const said = `A message of ${parcel.bytes} bytes does not fit into the buffer of ${mostBytes} bytes`;
      return this.refuse(parcel, new Failure("message_too_large", said));
    }
    const lane = this.#lanes.get(parcel.lane) ?? new Lane<Receipt>(parcel.lane);
    this.#lanes.set(parcel.lane, lane);
    this.#enter(entry, lane);
    this.#limit();
    this.#look(lane);
    this.#pump();
    return entry.promise;
  }

  /** Counts and tells what is never to be sent. Rejects, for whoever waits. */
  refuse({ tail, id }: Pick<Drop, "tail" | "id">, failure: Failure): Promise<Receipt> {
    const refused = Promise.reject<Receipt>(failure);
    unawaited(refused);
    this.#tell({ tail, id, failure });
    return refused;
  }

  /** Settles when everything that is in it now is settled, or the time is up. */
  async flush(deadlineMs: number): Promise<Tally> {
    const late = Promise.withResolvers<void>();
    const stop = this.#parts.clock.after(deadlineMs, late.resolve);
    await Promise.race([Promise.allSettled([...this.#entries].map(({ promise }) => promise)), late.promise]);
    stop();
    return this.tally;
  }

  /** Drops what is still in it, and takes no more. */
  close(failure: Failure): void {
    this.#closed ??= failure;
    this.#stopPause?.();
    this.#stopPause = undefined;
    for (const entry of [...this.#entries]) this.#drop(entry, failure);
    this.#lanes.clear();
    this.#ready.clear();
  }

  /** Somebody may be there again: it does not wait any longer. */
  wake(): void {
    if (this.#closed) return;
    this.#stopPause?.();
    this.#stopPause = undefined;
    for (const lane of this.#lanes.values()) {
      lane.isResting = false;
      this.#look(lane);
    }
    this.#pump();
  }

  #enter(entry: Entry<Receipt>, lane: Lane<Receipt>): void {
    const { parcel } = entry;
    if (parcel.order === "newest" && this.isAway) {
      for (const older of lane.waiting) this.#supersede(older, entry);
      lane.waiting = [];
    }
    this.#entries.add(entry);
    this.#bytes += parcel.bytes;
    lane.waiting.push(entry);
  }

  #supersede(older: Entry<Receipt>, entry: Entry<Receipt>): void {
    this.#forget(older);
    this.#superseded += 1;
    older.stored(entry.promise);
  }

  /** As many as may be under way; only one to try with, while nobody took the last one. */
  #pump(): void {
    const width = this.isAway ? 1 : this.#parts.width;
    for (const lane of this.#ready) {
      if (this.#underway >= width || this.#stopPause) return;
      this.#ready.delete(lane);
      const entry = lane.next();
      if (entry) this.#send(lane, entry);
      // At the end, so that everybody has a turn.
      this.#look(lane);
    }
  }

  #send(lane: Lane<Receipt>, entry: Entry<Receipt>): void {
    this.#underway += 1;
    const sent = entry.parcel.send().then(
      (receipt) => this.#succeed(lane, entry, receipt),
      (thrown) => this.#fail(lane, entry, Failure.from(thrown)),
    );
    inBackground(`publishing to ${entry.parcel.tail}`, sent, console.error);
  }

  #succeed(lane: Lane<Receipt>, entry: Entry<Receipt>, receipt: Receipt): void {
    this.#failures = 0;
    lane.failures = 0;
    if (this.#forget(entry)) {
      this.#stored += 1;
      entry.stored(receipt);
    }
    lane.settle();
    this.#afterwards(lane);
  }

  #fail(lane: Lane<Receipt>, entry: Entry<Receipt>, failure: Failure): void {
    const isGeneral = general.has(failure.code);
    const isPassing = isGeneral || failure.code === "no_responder";
    if (!isPassing || !this.#entries.has(entry)) {
      this.#drop(entry, failure);
      lane.settle();
    } else {
      lane.fail(entry);
      if (isGeneral) this.#pause(failure);
      else this.#rest(lane);
      this.#limit();
    }
    this.#afterwards(lane);
  }

  #afterwards(lane: Lane<Receipt>): void {
    this.#underway -= 1;
    if (this.#closed) return;
    if (lane.isEmpty && !lane.isResting) this.#lanes.delete(lane.name);
    this.#look(lane);
    this.#pump();
  }

  #look(lane: Lane<Receipt>): void {
    if (lane.isReady(this.#parts.keepsOrder)) this.#ready.add(lane);
    else this.#ready.delete(lane);
  }

  /** Nothing is sent for a while; what fails meanwhile was sent before. */
  #pause({ retryAfterMs }: Failure): void {
    if (this.#stopPause || this.#closed) return;
    const waitMs = retryAfterMs ?? this.#backoff(this.#failures);
    this.#failures += 1;
    this.#stopPause = this.#parts.clock.after(waitMs, () => {
      this.#stopPause = undefined;
      this.#pump();
    });
  }

  /** This lane alone waits: nothing keeps its subject, perhaps because no gateway has made the store so far. */
  #rest(lane: Lane<Receipt>): void {
    if (lane.isResting || this.#closed) return;
    lane.isResting = true;
    this.#parts.clock.after(this.#backoff(lane.failures++), () => {
      lane.isResting = false;
      if (this.#closed) return;
      if (lane.isEmpty) this.#lanes.delete(lane.name);
      this.#look(lane);
      this.#pump();
    });
  }

  #backoff(failures: number): number {
    const longest = Math.min(retryAfterMs * 2 ** Math.min(failures, 10), retryAtMostAfterMs);
    return longest * (0.5 + this.#parts.random() / 2);
  }

  #limit(): void {
    const { mostBytes, mostMessages } = this.#parts;
    while (this.#entries.size > mostMessages || this.#bytes > mostBytes) if (!this.#dropOldest()) return;
  }

  /** What is under way may be stored in this moment, so it is not dropped. */
  #dropOldest(): boolean {
    for (const entry of this.#entries) {
      if (entry.isUnderway) continue;
      const lane = this.#lanes.get(entry.parcel.lane);
      lane?.remove(entry);
      if (lane?.isEmpty && !lane.isResting) this.#lanes.delete(lane.name);
      const { mostMessages, mostBytes } = this.#parts;
      const said = `The buffer is full (${mostMessages} messages or ${mostBytes} bytes): nobody has taken this one for too long`;
      this.#drop(entry, new Failure("bus_away", said));
      return true;
    }
    return false;
  }

  #drop(entry: Entry<Receipt>, failure: Failure): void {
    if (!this.#forget(entry)) return;
    const { tail, id } = entry.parcel;
    entry.dropped(failure);
    this.#tell({ tail, id, failure });
  }

  #tell(drop: Drop): void {
    this.#dropped += 1;
    isolate("onDrop", () => this.#parts.onDrop(drop), console.error);
  }

  /** Whether it was still there. */
  #forget(entry: Entry<Receipt>): boolean {
    const wasThere = this.#entries.delete(entry);
    if (wasThere) this.#bytes -= entry.parcel.bytes;
    return wasThere;
  }
}
