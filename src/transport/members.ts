import { atEndOfTurn } from "../bus/turn.ts";
import { inBackground } from "../protocol/background.ts";
import type { Batch } from "../protocol/batch.ts";
import { type End, ends } from "../protocol/end.ts";
import type { Vector } from "../protocol/vector.ts";
import { type Attempt, Member, type Party } from "./member.ts";
import type { Outlet } from "./script.ts";

/** How a connection speaks of one stream of several. */
export interface Manner {
  /** What a stream says, as the client reads it. */
  dress(name: string, batch: Batch): Batch;
  /** The last that is said of a stream. One that was refused was never open. */
  farewell(name: string, end: End, wasOpen: boolean): Batch;
}

interface MembersParts {
  readonly outlet: Outlet;
  readonly manner: Manner;
  /** Where the client stands in all streams, on a transport that tells it. */
  readonly vector: Vector | undefined;
  /** Whether no stream can be added, so that the end of the last one ends it all. */
  readonly isFixed: boolean;
  readonly report: (fault: unknown) => void;
}

/** The streams of a connection that has several. What they say in one turn of the event loop is written at once. */
export class Members implements Party {
  readonly #parts: MembersParts;
  readonly #members = new Map<string, Member>();
  #isCorked = false;
  /** Whose turn it is to go on first. */
  #first = 0;

  constructor(parts: MembersParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#members.size;
  }

  /** Frames that are to be sent, of all of them. */
  get behind(): number {
    let frames = 0;
    for (const member of this.#members.values()) frames += member.behind;
    return frames;
  }

  get outlet(): Outlet {
    return this.#parts.outlet;
  }

  get(name: string): Member | undefined {
    return this.#members.get(name);
  }

  /** Follows one more; whatever becomes of it is said in its frames. */
  take(attempt: Attempt): void {
    const member = new Member(attempt, this);
    this.#members.set(attempt.name, member);
    inBackground(`following ${attempt.name}`, member.follow(attempt.opening), this.#parts.report);
  }

  /** Follows one no more, and says nothing of it. */
  drop(name: string): void {
    const member = this.#members.get(name);
    this.#members.delete(name);
    member?.gone();
  }

  /** Answers the client. */
  say(batch: Batch): void {
    this.#gather();
    this.outlet.answer(batch);
  }

  write(member: Member, batch: Batch): boolean {
    this.#gather();
    return this.outlet.write(this.#dressed(member, batch));
  }

  answer(member: Member, batch: Batch): void {
    this.say(this.#dressed(member, batch));
  }

  ended(member: Member, end: End): void {
    const { manner, isFixed, report, outlet } = this.#parts;
    this.drop(member.name);
    if (end.fault !== undefined) report(end.fault);
    const farewell = manner.farewell(member.name, end, member.isOpen);
    this.#gather();
    // That a stream has ended is no answer, but that it was refused is one.
    if (member.isOpen) outlet.write(farewell);
    else outlet.answer(farewell);
    if (isFixed && this.size === 0) outlet.end(ends.done);
  }

  /** Lets them go on in turn until the socket is full again, so that none waits for ever behind another. */
  drained(): void {
    const members = [...this.#members.values()];
    this.#first += 1;
    for (let i = 0; i < members.length && !this.outlet.isFull; i++) {
      members[(this.#first + i) % members.length]?.drained();
    }
  }

  gone(): void {
    for (const member of this.#members.values()) member.gone();
    this.#members.clear();
  }

  #dressed({ name, place }: Member, batch: Batch): Batch {
    const { manner, vector } = this.#parts;
    const dressed = manner.dress(name, batch);
    if (vector === undefined || place === undefined) return dressed;
    return dressed.placed((cursor) => vector.move(place, cursor));
  }

  #gather(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.outlet.cork();
    const write = () => {
      this.#isCorked = false;
      this.outlet.uncork();
    };
    atEndOfTurn("writing to a client", write, this.#parts.report);
  }
}
