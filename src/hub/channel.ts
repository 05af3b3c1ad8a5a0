import { atEndOfTurn } from "../bus/turn.ts";
import { isolate } from "../protocol/background.ts";
import { Batch } from "../protocol/batch.ts";
import { type Cursor, parseCursor } from "../protocol/cursor.ts";
import { type End, ends } from "../protocol/end.ts";
import { Frame } from "../protocol/frame.ts";
import type { ClientMessage } from "../protocol/message.ts";
import type { SourcedDefinition } from "../stream/define.ts";
import { Cohort, defect, type Member, portions } from "./cohort.ts";
import type { OpeningCache, OpeningSection } from "./opening-cache.ts";
import type { PageSize } from "./pages.ts";
import type { Loaded, Opening, Past, Reason } from "./past.ts";
import type { Entry, Ring } from "./ring.ts";
import { isBeyond, type Missed, type PageTurn, Session, type SessionLimits, type Upstream } from "./session.ts";
import type { Sink } from "./sink.ts";
import type { Tally } from "./tally.ts";
import { changedView, framesFor, isUnfiltered, type View, viewKey } from "./view.ts";

/** A stream with its org and parameters filled in: one upstream, one encoding, many sessions. */
export class Channel implements Upstream {
  /** What is counted of it. */
  readonly tally: Tally;
  /** Whether its source has let go of it, so that nothing more will come. */
  isDropped = false;
  /** The snapshots that were made since the last change. */
  readonly greetings: OpeningSection;
  readonly #definition: SourcedDefinition;
  readonly #ring: Ring;
  readonly #past: Past;
  readonly #limits: SessionLimits;
  readonly #cohorts = new Map<string, Cohort>();
  #pending: Entry[] = [];
  #isFlushDue = false;
  /** When the first of what is pending was pushed. */
  #pushedMs = 0;
  #isHeld = true;
  #over = false;
  /** How many use it: sessions, and clients who are about to become one. */
  #users = 0;
  #onIdle: (() => void) | undefined;

  constructor(parts: ChannelParts) {
    this.#definition = parts.definition;
    this.#ring = parts.ring;
    this.#past = parts.past;
    this.#limits = parts.limits;
    this.greetings = parts.openings.section();
    this.tally = parts.tally;
  }

  /** Whether the stream is over and all of it has been sent. */
  get isOver(): boolean {
    return this.#mark().over;
  }

  get isIdle(): boolean {
    return this.#users === 0;
  }

  /** What it remembers, in UTF-16 code units of frames. */
  get size(): number {
    return this.#ring.size;
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
    this.greetings.clear();
    const next = this.#ring.head + entries.length;
    const all = new Batch(entries.map(({ frame }) => frame));
    const { tally } = this;
    const before = tally.delivered;
    for (const entry of entries) this.#ring.push(entry);
    for (const cohort of this.#cohorts.values()) {
      // A client that may have missed something is told so, and comes back with its cursor.
      if (!isolate("sending to clients", () => this.#send(cohort, { entries, all, next }), tally.report))
        cohort.endLevel(defect);
    }
    if (tally.delivered > before) tally.latency.note(this.#pushedMs);
    if (this.#over) for (const cohort of this.#cohorts.values()) cohort.endLevel(ends.done);
  }

  /** Holds everything back until `release`: the past is being read, or read again. A channel begins held. */
  hold(): void {
    this.#isHeld = true;
    this.#pending = [];
    this.#over = false;
    this.greetings.clear();
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
    this.#isHeld = false;
    this.flush();
  }

  /** Gives every session a fresh snapshot. */
  greetAll(reason: Reason): void {
    this.greetings.clear();
    for (const cohort of this.#cohorts.values()) {
      for (const session of cohort.begun) session.greetAgain(reason);
    }
  }

  /** Ends every session that is not being greeted just now; those are refused by their past. */
  endAll(end: End): void {
    for (const cohort of this.#cohorts.values()) {
      for (const session of cohort.begun) session.end(end);
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
    return this.greetings.get(`${reason ?? ""} ${viewKey(view)}`, () => this.#snapshot(view, reason));
  }

  /** Those who ask while it is made share it: what comes meanwhile is live for them, from `next` on. */
  async #snapshot(view: View, reason: Reason | undefined): Promise<Opening> {
    for (;;) {
      const { next, over } = this.#mark();
      const snapshot = await this.#past.snapshot(view, reason);
      if (snapshot)
        return { resumed: false, from: undefined, ...snapshot, batches: portions(snapshot.frames), next, over };
      // What was now is gone already: look again.
      await this.#past.ready();
      this.flush();
    }
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
    const before = session.cohort;
    session.cohort = this.#enter(changedView(this.#definition, before.view, message));
    this.#exit(before);
  }

  /** How many frames, at most, are to be sent to a session that has everything before `next`. */
  behind(next: number): number {
    return this.#ring.head - next;
  }

  /** Whether more frames than the limits allow wait for a session that has everything before `next`. */
  isLagging(cohort: Cohort, next: number): boolean {
    if (next < this.#ring.tail) return true;
    return isBeyond(this.#limits, this.#shown(cohort, this.#ring.from(next)));
  }

  /** What a session that has everything before `next` has not been sent yet, or undefined when some of it is gone. */
  missed(cohort: Pick<Cohort, "view">, next: number): Missed | undefined {
    if (next < this.#ring.tail) return undefined;
    const entries = this.#ring.from(next);
    const upTo = entries.at(-1)?.position;
    return { batches: portions(this.#shown(cohort, entries)), ...this.#mark(), upTo };
  }

  async #resume(view: View, cursor: Cursor): Promise<Opening | undefined> {
    if (!(await this.#past.reach(cursor))) return undefined;
    this.flush();
    const here = this.#past.here();
    const { next, over } = this.#mark();
    const missed = await this.#past.after(cursor, view);
    if (missed === undefined) return undefined;
    const shown = "entries" in missed ? this.#shown({ view }, missed.entries) : [];
    const from = "entries" in missed ? undefined : cursor.position;
    const replayed = "entries" in missed ? shown.length : missed.count;
    const frames = [new Frame({ type: "resumed", replayed }, replayed > 0 ? cursor : here), ...shown];
    return { resumed: true, frames, batches: portions(frames), from, next, over };
  }

  /** What a session that has everything up to a position is sent next: a page of the past, or nothing once the ring goes on. */
  async page(view: View, from: number, size?: PageSize): Promise<PageTurn | undefined> {
    await this.#past.ready();
    this.flush();
    const next = this.#ring.countAfter({ position: from, part: 0 });
    if (next !== undefined) return { batches: [], from: undefined, next, over: false };
    const page = await this.#past.page(from, size);
    if (page === undefined) return undefined;
    const batches = isUnfiltered(view) ? page.batches : portions(this.#shown({ view }, page.entries));
    const over = page.entries.at(-1)?.last === true;
    return { batches, from: over ? undefined : page.end, next: this.#ring.head, over };
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
  readonly openings: OpeningCache;
  readonly tally: Tally;
}
