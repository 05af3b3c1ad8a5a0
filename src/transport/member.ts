import type { Batch } from "../protocol/batch.ts";
import type { Stop } from "../protocol/clock.ts";
import { type End, ends, failed } from "../protocol/end.ts";
import { Failure } from "../protocol/failure.ts";
import { echoed } from "../protocol/limits.ts";
import type { ClientMessage } from "../protocol/message.ts";
import type { Opened, Outlet, Script } from "./script.ts";

/** How much a client may say to a stream that has not begun. */
const mostEarly = 16;
/** How long one of these messages may be, as JSON. */
const largestEarly = 4096;

/** One stream of several that was asked for. */
export interface Attempt {
  readonly name: string;
  /** What names it in a vector of cursors; undefined when all that it says has its place already. */
  readonly place: string | undefined;
  /** Rejects with the Failure that says why not. */
  readonly opening: Promise<Opened>;
  /** Gives back what it holds of the client's quotas. */
  readonly release: Stop;
}

/** The connection as one stream of it knows it. */
export interface Party {
  write(member: Member, batch: Batch): boolean;
  answer(member: Member, batch: Batch): void;
  ended(member: Member, end: End): void;
  readonly outlet: Outlet;
}

/** One stream of several on a connection: the sink of its session, or the way out of its rooms. */
export class Member implements Outlet {
  readonly name: string;
  readonly place: string | undefined;
  readonly #party: Party;
  readonly #release: Stop;
  /** What begins once the socket has taken what was written before. */
  #opened: Opened | undefined;
  #script: Script | undefined;
  #early: ClientMessage[] | undefined;
  #isOpen = false;
  #isGone = false;

  constructor({ name, place, release }: Attempt, party: Party) {
    this.name = name;
    this.place = place;
    this.#release = release;
    this.#party = party;
  }

  /** Whether it was found and has begun. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  get behind(): number {
    return this.#script?.behind ?? 0;
  }

  get isFull(): boolean {
    return this.#party.outlet.isFull;
  }

  /** Begins as soon as the stream can be told. */
  async follow(opening: Promise<Opened>): Promise<void> {
    try {
      const opened = await opening;
      if (this.#isGone) return;
      // To a full socket it would add a whole beginning, however many streams were asked for.
      if (this.isFull) this.#opened = opened;
      else this.#begin(opened);
    } catch (thrown) {
      this.end(failed(Failure.from(thrown)));
    }
  }

  /** What the client says about this stream. Throws the Failure that ends the connection. */
  receive(message: ClientMessage): void {
    if (this.#script) return this.#script.receive(message);
    this.#early ??= [];
    if (this.#early.length >= mostEarly || sizeOf(message) > largestEarly)
      throw new Failure("too_many_messages", `Too many messages to "${echoed(this.name)}" before its first frame`);
    this.#early.push(message);
  }

  answer(batch: Batch): void {
    if (!this.#isGone) this.#party.answer(this, batch);
  }

  write(batch: Batch): boolean {
    return this.#isGone || this.#party.write(this, batch);
  }

  /** The end of this stream is not that of the connection, unless the client reads nothing. */
  end(end: End): void {
    if (this.#isGone) return;
    if (end.code === ends.stuck.code) return this.#party.outlet.end(end);
    this.#party.ended(this, end);
  }

  pendingBytes(): number {
    return this.#party.outlet.pendingBytes();
  }

  /** Its writes are kept together with those of all others. */
  cork(): void {}

  uncork(): void {}

  /** What cannot begin or go on ends this stream, and the others have their turn. */
  drained(): void {
    try {
      if (this.#opened) this.#begin(this.#opened);
      else this.#script?.drained();
    } catch (thrown) {
      this.end(failed(Failure.from(thrown)));
    }
  }

  gone(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#opened = undefined;
    this.#script?.gone();
    this.#release();
  }

  #begin(opened: Opened): void {
    this.#opened = undefined;
    this.#isOpen = true;
    this.#script = opened.begin(this);
    this.#hearEarly(this.#script);
  }

  #hearEarly(script: Script): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    try {
      for (const message of early) script.receive(message);
    } catch (thrown) {
      this.#party.outlet.end(failed(Failure.from(thrown)));
    }
  }
}

/** Endless when it is nested too deeply to be written down. */
function sizeOf(message: ClientMessage): number {
  try {
    return JSON.stringify(message).length;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
