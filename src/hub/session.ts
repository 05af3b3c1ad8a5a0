import type { Batch } from "../protocol/batch.ts";
import { type End, ends, failed } from "../protocol/end.ts";
import { Failure } from "../protocol/failure.ts";
import type { Frame } from "../protocol/frame.ts";
import type { ClientMessage } from "../protocol/message.ts";
import type { Cohort, Member } from "./cohort.ts";
import type { Opening, Reason } from "./past.ts";
import type { Sink } from "./sink.ts";
import type { View } from "./view.ts";

/** How far a session may fall behind. */
export interface SessionLimits {
  readonly queueFrames: number;
  readonly queueBytes: number;
}

/** Whether frames are more than may wait for a session. */
export function isBeyond({ queueFrames, queueBytes }: SessionLimits, frames: readonly Frame[]): boolean {
  if (frames.length > queueFrames) return true;
  let size = 0;
  for (const { json } of frames) size += json.length;
  return size > queueBytes;
}

/** A channel as its sessions know it. */
export interface Upstream {
  /** Whether nothing more will come of it. */
  readonly isDropped: boolean;
  /** A fresh snapshot. */
  greet(view: View, reason: Reason): Promise<Opening>;
  /** How many frames, at most, are to be sent to a session that has everything before `next`. */
  behind(next: number): number;
  /** Whether more frames than allowed wait for a session that has everything before `next`. */
  isLagging(cohort: Cohort, next: number): boolean;
  /** The next page for a session that has everything up to a position; undefined when some of it is gone. */
  page(view: View, from: number): Promise<PageTurn | undefined>;
  /** What a session that has everything before `next` has not been sent yet; undefined when some of it is gone. */
  missed(cohort: Cohort, next: number): Missed | undefined;
  /** Changes a session's query as its message says. Throws `invalid_message`. */
  move(session: Session, message: ClientMessage): void;
  leave(session: Session): void;
}

/** What a session is sent from its channel's past, and how it goes on. */
export interface PageTurn extends Pick<Opening, "batches" | "from" | "next" | "over"> {}

/** What a session is sent from its channel's ring. */
export interface Missed extends Pick<Opening, "batches" | "next" | "over"> {
  /** The position of the last entry that was looked at; undefined when there was none. */
  readonly upTo: number | undefined;
}

/**
 * One client on one channel.
 *
 * It has no queue of its own: its place in the channel's ring is its queue. While it is `level` the channel hands it each
 * turn's batch; when its socket is full it waits, and then takes what it missed from the ring, or a fresh snapshot when
 * that has become more than its limits allow. A past that is longer than the ring is read a page at a time, each when the
 * socket has taken the one before.
 */
export class Session implements Member {
  cohort: Cohort;
  readonly #channel: Upstream;
  readonly #sink: Sink;
  #state: "greeting" | "pumping" | "paging" | "waiting" | "level" | "ended" = "greeting";
  #batches: readonly Batch[] = [];
  #sent = 0;
  /** The position after which it reads pages; undefined once the ring has all that it is still to be sent. */
  #from: number | undefined;
  /** Up to which position it has everything, from its first page until it is level. */
  #paged: number | undefined;
  #next = 0;
  #over = false;
  /** Whether it was level since its last snapshot: only then can it lag. */
  #greeted = false;
  #greetings = 0;

  constructor(channel: Upstream, cohort: Cohort, sink: Sink) {
    this.#channel = channel;
    this.cohort = cohort;
    this.#sink = sink;
  }

  /** Bytes its socket has not taken yet. */
  get pendingBytes(): number {
    return this.#sink.pendingBytes();
  }

  /** Frames that are to be sent, at most: its view may show fewer. */
  get behind(): number {
    if (this.#state !== "waiting") return 0;
    const begun = this.#batches.slice(this.#sent).reduce((sum, { frames }) => sum + frames.length, 0);
    return this.#from === undefined ? begun + this.#channel.behind(this.#next) : begun;
  }

  /** Tells the beginning: a snapshot or what was missed; goes on live from there. */
  begin(opening: Opening): void {
    if (this.#channel.isDropped) return this.end(tooLate());
    this.#paged = undefined;
    this.#take(opening);
    this.#pump();
  }

  /** Sends the frames of this turn. False when the socket is full and the session is level no more. */
  deliver(batch: Batch, next: number): boolean {
    if (this.#sink.write(batch)) return true;
    this.#next = next;
    this.#wait();
    return false;
  }

  /** Goes on after the socket has taken everything. What cannot be sent ends it: the client comes back with its cursor. */
  drained(): void {
    if (this.#state !== "waiting") return;
    this.cohort.waiting.delete(this);
    try {
      if (this.#greeted && this.#channel.isLagging(this.cohort, this.#next)) this.greetAgain("lagged");
      else this.#pump();
    } catch (thrown) {
      this.end(failed(Failure.from(thrown)));
    }
  }

  /** What the client says about the stream. Throws `invalid_message` when the stream knows no such message. */
  receive(message: ClientMessage): void {
    if (this.#state === "ended") return;
    this.#leaveTurn();
    this.#channel.move(this, message);
    this.greetAgain("filter");
  }

  /** Starts over with a fresh snapshot. */
  greetAgain(reason: Reason): void {
    if (this.#state === "ended") return;
    const greeting = ++this.#greetings;
    this.#leaveTurn();
    this.#state = "greeting";
    this.#greeted = false;
    const isCurrent = () => greeting === this.#greetings && this.#state === "greeting";
    this.#channel
      .greet(this.cohort.view, reason)
      .then((opening) => isCurrent() && this.begin(opening))
      .catch((thrown: unknown) => greeting === this.#greetings && this.end(failed(Failure.from(thrown))));
  }

  /** Closes the session from our side. */
  end(end: End): void {
    if (this.#state === "ended") return;
    this.gone();
    this.#sink.end(end);
  }

  /** The client is gone. */
  gone(): void {
    if (this.#state === "ended") return;
    this.#leaveTurn();
    this.#state = "ended";
    this.#batches = [];
    this.#channel.leave(this);
  }

  #pump(): void {
    this.#state = "pumping";
    for (;;) {
      for (let batch = this.#batches[this.#sent]; batch; batch = this.#batches[this.#sent]) {
        this.#sent += 1;
        if (!this.#sink.write(batch)) return this.#wait();
      }
      if (this.#from !== undefined) return this.#turnPage(this.#from);
      if (this.#over) return this.end(ends.done);
      const missed = this.#channel.missed(this.cohort, this.#next);
      if (missed === undefined) return this.#fallBack();
      if (this.#paged !== undefined) this.#paged = missed.upTo ?? this.#paged;
      this.#take({ ...missed, from: undefined });
      if (missed.batches.length === 0 && !missed.over) return this.#join();
    }
  }

  #take({ batches, from, next, over }: PageTurn): void {
    this.#batches = batches;
    this.#sent = 0;
    this.#from = from;
    this.#next = next;
    this.#over = over && from === undefined;
  }

  /** The ring has moved on: one that has never been level reads on in the pages, and any other starts over. */
  #fallBack(): void {
    if (this.#paged === undefined) this.greetAgain("lagged");
    else this.#turnPage(this.#paged);
  }

  #turnPage(from: number): void {
    this.#paged = from;
    const greeting = this.#greetings;
    const isCurrent = () => greeting === this.#greetings && this.#state === "paging";
    this.#state = "paging";
    this.cohort.paging.add(this);
    this.#channel
      .page(this.cohort.view, from)
      .then((page) => isCurrent() && this.#tellPage(page))
      .catch((thrown: unknown) => greeting === this.#greetings && this.end(failed(Failure.from(thrown))));
  }

  #tellPage(page: PageTurn | undefined): void {
    this.#leaveTurn();
    if (page === undefined) return this.greetAgain("expired");
    this.#take(page);
    this.#pump();
  }

  #wait(): void {
    this.#state = "waiting";
    this.cohort.waiting.add(this);
  }

  #join(): void {
    this.#state = "level";
    this.#greeted = true;
    this.#paged = undefined;
    this.#batches = [];
    this.cohort.level.add(this);
  }

  #leaveTurn(): void {
    this.cohort.level.delete(this);
    this.cohort.waiting.delete(this);
    this.cohort.paging.delete(this);
  }
}

/** The end of a client that has waited with what it was opened with until the channel was not kept any more. */
function tooLate(): End {
  return failed(new Failure("bus_away", "The stream was not kept for so long; try again"));
}
