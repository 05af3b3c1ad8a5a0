import type { Batch } from "../protocol/batch.ts";
import { type End, ends, failed } from "../protocol/end.ts";
import { Failure } from "../protocol/failure.ts";
import type { ClientMessage } from "../protocol/message.ts";
import type { Cohort, Member } from "./cohort.ts";
import type { Opening, Reason } from "./past.ts";
import type { Sink } from "./sink.ts";
import type { View } from "./view.ts";

/** A channel as its sessions know it. */
export interface Upstream {
  /** A fresh snapshot. */
  greet(view: View, reason: Reason): Promise<Opening>;
  /** How many frames, at most, are to be sent to a session that has everything before `next`. */
  behind(next: number): number;
  /** Whether more frames than allowed wait for a session that has everything before `next`. */
  isLagging(cohort: Cohort, next: number): boolean;
  /** What a session that has everything before `next` has not been sent yet; undefined when some of it is gone. */
  missed(cohort: Cohort, next: number): Pick<Opening, "batches" | "next" | "over"> | undefined;
  /** Changes a session's query as its message says. Throws `invalid_message`. */
  move(session: Session, message: ClientMessage): void;
  leave(session: Session): void;
}

/**
 * One client on one channel.
 *
 * It has no queue of its own: its place in the channel's ring is its queue. While it is `level` the channel hands it each
 * turn's batch; when its socket is full it waits, and then takes what it missed from the ring, or a fresh snapshot when
 * that has become more than its limits allow.
 */
export class Session implements Member {
  cohort: Cohort;
  readonly #channel: Upstream;
  readonly #sink: Sink;
  #state: "greeting" | "pumping" | "waiting" | "level" | "ended" = "greeting";
  #batches: readonly Batch[] = [];
  #sent = 0;
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
    return begun + this.#channel.behind(this.#next);
  }

  /** Tells the beginning: a snapshot or what was missed; goes on live from there. */
  begin(opening: Opening): void {
    this.#batches = opening.batches;
    this.#sent = 0;
    this.#next = opening.next;
    this.#over = opening.over;
    this.#pump();
  }

  /** Sends the frames of this turn. False when the socket is full and the session is level no more. */
  deliver(batch: Batch, next: number): boolean {
    if (this.#sink.write(batch)) return true;
    this.#next = next;
    this.#wait();
    return false;
  }

  /** Goes on after the socket has taken everything. */
  drained(): void {
    if (this.#state !== "waiting") return;
    this.cohort.waiting.delete(this);
    if (this.#greeted && this.#channel.isLagging(this.cohort, this.#next)) this.greetAgain("lagged");
    else this.#pump();
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
      if (this.#over) return this.end(ends.done);
      const missed = this.#channel.missed(this.cohort, this.#next);
      if (missed === undefined) return this.greetAgain("lagged");
      this.#next = missed.next;
      this.#over = missed.over;
      this.#batches = missed.batches;
      this.#sent = 0;
      if (missed.batches.length === 0 && !missed.over) return this.#join();
    }
  }

  #wait(): void {
    this.#state = "waiting";
    this.cohort.waiting.add(this);
  }

  #join(): void {
    this.#state = "level";
    this.#greeted = true;
    this.#batches = [];
    this.cohort.level.add(this);
  }

  #leaveTurn(): void {
    this.cohort.level.delete(this);
    this.cohort.waiting.delete(this);
  }
}
