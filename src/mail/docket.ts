import type { Follower, Stored } from "../bus/bus.ts";
import type { Clock, Stop } from "../protocol/clock.ts";
import { type Envelope, inboxSubject } from "../protocol/letter.ts";
import { splitSubject } from "../protocol/subject.ts";
import { type MailLimits, nextDuty } from "./duty.ts";
import { parseEnvelope } from "./letter-text.ts";
import { Room } from "./room.ts";
import { isOver } from "./status.ts";

/** The longest that one timer runs: longer ones overflow. */
const longestTimerMs = 24 * 60 * 60 * 1000;
/** Gateways come to a letter at different moments, so that mostly one of them finds it undone. */
const spreadMs = 250;

/**
 * Every letter without its payload, as the table has it, and when something is to be done for it.
 *
 * A letter takes about two kilobytes here and in the table's view, and four with the longest names and detail; of those that
 * are over, an org has `lettersMax`, and the oldest ones beyond are removed before their time.
 */
export class Docket implements Follower {
  /** How much is unread. */
  readonly room: Room;
  readonly #parts: DocketParts;
  readonly #entries = new Map<string, Entry>();
  /** The letters that are not over yet, by their receiver's inbox. */
  readonly #inboxes = new Map<string, Set<Entry>>();
  /** The letters that are over and told, by org, the oldest first. */
  readonly #over = new Map<string, Set<Entry>>();
  readonly #listeners = new Map<string, Set<() => void>>();
  #gone = new Set<string>();

  constructor(parts: DocketParts) {
    this.#parts = parts;
    this.room = new Room(parts.limits);
  }

  /** The subjects of letters that an inbox may have now, the oldest first. */
  free(inbox: string): string[] {
    const now = this.#parts.clock.now();
    const found = [...(this.#inboxes.get(inbox) ?? [])].filter((entry) => this.#isFree(entry, now));
    return found.toSorted(bySending).map(({ subject }) => subject);
  }

  /** Hears when an inbox may have another letter. */
  listen(inbox: string, listener: () => void): Stop {
    const listeners = this.#listeners.get(inbox) ?? new Set();
    this.#listeners.set(inbox, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(inbox) === listeners) this.#listeners.delete(inbox);
    };
  }

  /** Somebody has been to a letter: the time for its next duty begins, unless a change of it has begun it already. */
  review(subject: string): void {
    const entry = this.#entries.get(subject);
    if (entry && entry.stop === undefined) this.#arm(entry, spreadMs);
  }

  begin(): void {
    this.#gone = new Set(this.#entries.keys());
  }

  message(stored: Stored): void {
    const { subject, data, position, atMs } = stored;
    this.#gone.delete(subject);
    const org = splitSubject(subject)?.org;
    const envelope = data.length === 0 ? undefined : parseEnvelope(data);
    this.#forget(subject);
    if (envelope === undefined || org === undefined) return;
    const inbox = inboxSubject(org, envelope.to);
    const entry: Entry = { subject, org, inbox, envelope, position, atMs, stop: undefined };
    this.#entries.set(subject, entry);
    this.#arm(entry, 0);
    if (isOver(envelope)) return this.#shelve(entry);
    this.room.count(entry, envelope.payload_bytes, 1);
    this.#inboxes.set(inbox, (this.#inboxes.get(inbox) ?? new Set()).add(entry));
    if (this.#isFree(entry, this.#parts.clock.now())) for (const hear of this.#listeners.get(inbox) ?? []) hear();
  }

  level(): void {
    for (const subject of this.#gone) this.#forget(subject);
    this.#gone.clear();
  }

  gap(): void {
    // A table has no gaps: it tells what is there now.
  }

  close(): void {
    for (const subject of [...this.#entries.keys()]) this.#forget(subject);
  }

  #isFree({ envelope }: Entry, now: number): boolean {
    return envelope.held_ms <= now && envelope.attempts < this.#parts.limits.letterAttempts;
  }

  #forget(subject: string): void {
    const entry = this.#entries.get(subject);
    if (entry === undefined) return;
    entry.stop?.();
    this.#entries.delete(subject);
    const { org, inbox, envelope } = entry;
    if (isOver(envelope)) return leave(this.#over, org, entry);
    this.room.count(entry, envelope.payload_bytes, -1);
    leave(this.#inboxes, inbox, entry);
  }

  /** Keeps a letter that is over, and lets the oldest one go for it when there are too many. */
  #shelve(entry: Entry): void {
    if (entry.envelope.untold.length > 0) return;
    const shelf = this.#over.get(entry.org) ?? new Set();
    this.#over.set(entry.org, shelf.add(entry));
    const [oldest] = shelf;
    if (oldest === undefined || shelf.size <= this.#parts.limits.lettersMax) return;
    leave(this.#over, entry.org, oldest);
    this.#parts.discard(oldest.subject);
  }

  #arm(entry: Entry, leastMs: number): void {
    const { clock, limits, random } = this.#parts;
    const { fromMs } = nextDuty(entry.envelope, entry.atMs, limits);
    const waitMs = Math.max(fromMs - clock.now(), leastMs) + random() * spreadMs;
    entry.stop = clock.after(Math.min(waitMs, longestTimerMs), () => {
      entry.stop = undefined;
      if (waitMs > longestTimerMs) this.#arm(entry, 0);
      else this.#parts.attend(entry.subject);
    });
  }
}

interface DocketParts {
  readonly clock: Clock;
  /** A number from 0 to 1. */
  readonly random: () => number;
  readonly limits: MailLimits;
  /** Does what is to be done for a letter, and has it reviewed. */
  readonly attend: (subject: string) => void;
  /** Removes a letter that is over and told. */
  readonly discard: (subject: string) => void;
}

interface Entry {
  readonly subject: string;
  readonly org: string;
  readonly inbox: string;
  readonly envelope: Envelope;
  readonly position: number;
  readonly atMs: number;
  /** Stops its timer; undefined once that has run out. */
  stop: Stop | undefined;
}

function leave(groups: Map<string, Set<Entry>>, key: string, entry: Entry): void {
  const group = groups.get(key);
  group?.delete(entry);
  if (group?.size === 0) groups.delete(key);
}

function bySending(one: Entry, other: Entry): number {
  return Date.parse(one.envelope.sent_at) - Date.parse(other.envelope.sent_at) || one.position - other.position;
}
