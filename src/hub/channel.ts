import { atEndOfTurn } from "../bus/turn.ts";
import { Batch } from "../protocol/batch.ts";
import { type Cursor, parseCursor } from "../protocol/cursor.ts";
import { type End, ends } from "../protocol/end.ts";
import { Failure } from "../protocol/failure.ts";
import { Frame } from "../protocol/frame.ts";
import type { ClientMessage } from "../protocol/message.ts";
import type { SourcedDefinition } from "../stream/define.ts";
import { issueText } from "../stream/query.ts";
import { Cohort, type Member, portions } from "./cohort.ts";
import type { Loaded, Opening, Past, Reason } from "./past.ts";
import type { Entry, Ring } from "./ring.ts";
import { Session, type Upstream } from "./session.ts";
import type { Sink } from "./sink.ts";
import type { Tally } from "./tally.ts";
import { framesFor, type View, viewKey } from "./view.ts";

/** How far a session may fall behind. */
export interface SessionLimits {
  readonly queueFrames: number;
  readonly queueBytes: number;
}

/** A stream with its org and parameters filled in: one upstream, one encoding, many sessions. */
export class Channel implements Upstream {
  /** What is counted of it. */
  readonly tally: Tally;
  readonly #definition: SourcedDefinition;
  readonly #ring: Ring;
  readonly #past: Past;
  readonly #limits: SessionLimits;
  readonly #cohorts = new Map<string, Cohort>();
  readonly #greetings = new Map<string, Opening>();
  #pending: Entry[] = [];
  #isFlushDue = false;
  /** When the first of what is pending was pushed. */
  #pushedMs = 0;
  #isHeld = true;
  /** Sessions that stand before this count began with a past that holds no more. */
  #origin = 0;
  #over = false;
  /** How many use it: sessions, and clients who are about to become one. */
  #users = 0;
  #onIdle: (() => void) | undefined;

  constructor(parts: ChannelParts) {
    this.#definition = parts.definition;
    this.#ring = parts.ring;
    this.#past = parts.past;
    this.#limits = parts.limits;
    this.tally = parts.tally;
  }

  /** Whether the stream is over and all of it has been sent. */
  get isOver(): boolean {
    return this.#mark().over;
  }

  get isIdle(): boolean {
    return this.#users === 0;
  }

  /** Calls `listener` each time the last user has left. */
  set onIdle(listener: () => void) {
    this.#onIdle = listener;
  }

  /** Takes new entries; they leave at the end of this turn of the event loop, all in one write per client. */
  push(entries: readonly Entry[]): void {
    if (this.#over) return;
    for (const entry of entries) {
      this.#pending.push(entry);
      this.#over = entry.last;
      if (entry.last) break;
    }
    if (this.#isFlushDue || this.#pending.length === 0) return;
    this.#isFlushDue = true;
    this.#pushedMs = this.tally.latency.now();
    atEndOfTurn("sending to clients", () => this.flush(), this.tally.report);
  }

  /** Sends what this turn has brought. */
  flush(): void {
    this.#isFlushDue = false;
    if (this.#isHeld || this.#pending.length === 0) return;
    const entries = this.#pending;
    this.#pending = [];
    this.#greetings.clear();
    const next = this.#ring.head + entries.length;
    const all = new Batch(entries.map(({ frame }) => frame));
    const { tally } = this;
    const before = tally.delivered;
    for (const cohort of this.#cohorts.values()) this.#send(cohort, { entries, all, next });
    if (tally.delivered > before) tally.latency.note(this.#pushedMs);
    for (const entry of entries) this.#ring.push(entry);
    if (this.#over) this.#endLevel();
  }

  /** Holds everything back until `release`: the past is being read, or read again. A channel begins held. */
  hold(): void {
    this.#isHeld = true;
    this.#pending = [];
    this.#over = false;
    this.#greetings.clear();
  }

  /** Fills the ring anew with the past and lets go of what came since. */
  release({ entries, floor, upTo }: Loaded): void {
    this.#ring.clear({ position: floor, part: 0 });
    // The end may have come while all was held back; what lies before it is told first.
    this.#over = false;
    for (const entry of entries) {
      if (this.#over) break;
      this.#ring.push(entry);
      this.#over = entry.last;
    }
    this.#pending = this.#over ? [] : this.#pending.filter(({ position }) => position > upTo);
    this.#over ||= this.#pending.at(-1)?.last ?? false;
    this.#origin = this.#ring.head;
    this.#isHeld = false;
    this.flush();
  }

  /** Gives every session a fresh snapshot. */
  greetAll(reason: Reason): void {
    this.#greetings.clear();
    for (const cohort of this.#cohorts.values()) {
      for (const session of [...cohort.level, ...cohort.waiting]) session.greetAgain(reason);
    }
  }

  /** Ends every session that is not being greeted just now; those are refused by their past. */
  endAll(end: End): void {
    for (const cohort of this.#cohorts.values()) {
      for (const session of [...cohort.level, ...cohort.waiting]) session.end(end);
    }
  }

  /** The sessions whose sockets are full. */
  *waiting(): Iterable<Member> {
    for (const cohort of this.#cohorts.values()) yield* cohort.waiting;
  }

  /** How a client begins: from its cursor when it has one that holds, otherwise with a snapshot. */
  async open(view: View, since: string | undefined): Promise<Opening> {
    this.#users += 1;
    try {
      return await this.#open(view, since);
    } finally {
      this.#release();
    }
  }

  async #open(view: View, since: string | undefined): Promise<Opening> {
    await this.#past.ready();
    if (since === undefined) return this.greet(view, undefined);
    const cursor = parseCursor(since);
    const resumed = cursor && (await this.#resume(view, cursor));
    this.tally.resumes[resumed ? "resumed" : "expired"] += 1;
    return resumed ?? this.greet(view, "expired");
  }

  /** A fresh snapshot. */
  async greet(view: View, reason: Reason | undefined): Promise<Opening> {
    await this.#past.ready();
    if (reason === "lagged") this.tally.lagged += 1;
    this.flush();
    const key = `${reason ?? ""} ${viewKey(view)}`;
    const known = this.#greetings.get(key);
    if (known) return known;
    const { next, over } = this.#mark();
    const frames = await this.#past.snapshot(view, reason);
    if (frames === undefined) return this.greet(view, reason);
    const opening = { resumed: false, frames, batches: portions(frames), next, over };
    if (next === this.#ring.head && this.#pending.length === 0) this.#greetings.set(key, opening);
    return opening;
  }

  /** Lets a client in. */
  join(view: View, sink: Sink): Session {
    this.#users += 1;
    return new Session(this, this.#enter(view), sink);
  }

  leave(session: Session): void {
    this.#exit(session.cohort);
    this.#release();
  }

  #release(): void {
    this.#users -= 1;
    if (this.isIdle) this.#onIdle?.();
  }

  /** Changes a session's query as its message says. Throws `invalid_message`. */
  move(session: Session, message: ClientMessage): void {
    const known = Object.hasOwn(this.#definition.messages, message.type) && this.#definition.messages[message.type];
    if (!known) throw new Failure("invalid_message", `Message type "${message.type}" is not known here`);
    const fields = known.fields.safeParse(message);
    if (!fields.success) throw new Failure("invalid_message", `Message field ${issueText(fields.error)}`);
    const before = session.cohort;
    const { query, scope } = before.view;
    session.cohort = this.#enter({ query: known.change(query, fields.data), scope });
    this.#exit(before);
  }

  /** How many frames, at most, are to be sent to a session that has everything before `next`. */
  behind(next: number): number {
    return this.#ring.head - next;
  }

  /** Whether more frames than the limits allow wait for a session that has everything before `next`. */
  isLagging(cohort: Cohort, next: number): boolean {
    if (this.#isLost(next)) return true;
    const frames = this.#shown(cohort, this.#ring.from(next));
    if (frames.length > this.#limits.queueFrames) return true;
    let size = 0;
    for (const { json } of frames) size += json.length;
    return size > this.#limits.queueBytes;
  }

  /** What a session that has everything before `next` has not been sent yet, or undefined when some of it is gone. */
  missed(cohort: Cohort, next: number): Pick<Opening, "batches" | "next" | "over"> | undefined {
    if (this.#isLost(next)) return undefined;
    const frames = this.#shown(cohort, this.#ring.from(next));
    return { batches: portions(frames), ...this.#mark() };
  }

  async #resume(view: View, cursor: Cursor): Promise<Opening | undefined> {
    if (!(await this.#past.reach(cursor))) return undefined;
    this.flush();
    const here = this.#past.here();
    const { next, over } = this.#mark();
    const entries = await this.#past.after(cursor);
    if (entries === undefined) return undefined;
    const missed = this.#shown({ view }, entries);
    const greeting = new Frame({ type: "resumed", replayed: missed.length }, missed.length > 0 ? cursor : here);
    const frames = [greeting, ...missed];
    return { resumed: true, frames, batches: portions(frames), next, over };
  }

  #isLost(next: number): boolean {
    return next < this.#ring.tail || next < this.#origin;
  }

  /** Where the ring stands and whether it will ever go on. */
  #mark(): { next: number; over: boolean } {
    return { next: this.#ring.head, over: this.#over && this.#pending.length === 0 };
  }

  #shown({ view }: Pick<Cohort, "view">, entries: readonly Entry[]): Frame[] {
    return framesFor(this.#definition, entries, view);
  }

  #send(cohort: Cohort, turn: { entries: readonly Entry[]; all: Batch; next: number }): void {
    if (cohort.level.size === 0) return;
    const frames = this.#shown(cohort, turn.entries);
    if (frames.length === 0) return;
    // Within a scope a frame may be another one than everybody's.
    const isAll = cohort.view.scope === undefined && frames.length === turn.entries.length;
    const batch = isAll ? turn.all : new Batch(frames);
    this.tally.delivered += frames.length * cohort.level.size;
    for (const session of cohort.level) if (!session.deliver(batch, turn.next)) cohort.level.delete(session);
  }

  #endLevel(): void {
    for (const cohort of this.#cohorts.values()) {
      for (const session of [...cohort.level]) session.end(ends.done);
    }
  }

  #enter(view: View): Cohort {
    const key = viewKey(view);
    const cohort = this.#cohorts.get(key) ?? new Cohort(key, view);
    this.#cohorts.set(key, cohort);
    cohort.size += 1;
    return cohort;
  }

  #exit(cohort: Cohort): void {
    cohort.size -= 1;
    if (cohort.size === 0) this.#cohorts.delete(cohort.key);
  }
}

interface ChannelParts {
  readonly definition: SourcedDefinition;
  readonly ring: Ring;
  readonly past: Past;
  readonly limits: SessionLimits;
  readonly tally: Tally;
}
