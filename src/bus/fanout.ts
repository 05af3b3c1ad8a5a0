import type { Stop } from "../protocol/clock.ts";
import type { Follower, Stored } from "./bus.ts";
import { guarded } from "./guard.ts";

interface Seat {
  readonly follower: Follower;
  /** Whether it was told of a beginning; until then it hears nothing. */
  begun: boolean;
}

/**
 * Tells one reading to many followers, each call in order and at once.
 *
 * One who joins late gets a beginning of its own: `begin`, the rows as they are, `level` as soon as the reading is level.
 * An exception in a follower is thrown again outside of the reading, which must not suffer from it.
 */
export class Fanout implements Follower {
  readonly #rows: () => readonly Stored[];
  readonly #seats = new Set<Seat>();
  #epoch: string | undefined;
  #position: number | undefined;

  /** `rows`: what a late follower has to be told before it is level. */
  constructor(rows: () => readonly Stored[]) {
    this.#rows = rows;
  }

  /** How many follow. */
  get size(): number {
    return this.#seats.size;
  }

  /** Seats a follower; its first call comes after this one returned. */
  join(follower: Follower): Stop {
    const seat: Seat = { follower, begun: false };
    this.#seats.add(seat);
    queueMicrotask(() => this.#catchUp(seat));
    return () => {
      this.#seats.delete(seat);
    };
  }

  begin(epoch: string): void {
    this.#epoch = epoch;
    this.#position = undefined;
    for (const seat of this.#seats) seat.begun = true;
    this.#tell((follower) => follower.begin(epoch));
  }

  message(message: Stored, behind: number): void {
    if (this.#position !== undefined) this.#position = message.position;
    this.#tell((follower) => follower.message(message, behind));
  }

  level(position: number): void {
    this.#position = position;
    this.#tell((follower) => follower.level(position));
  }

  gap(position: number): void {
    if (this.#position !== undefined) this.#position = position;
    this.#tell((follower) => follower.gap(position));
  }

  /** Until the next `begin` nobody can be told what is stored now: who joins waits for it. */
  pause(): void {
    this.#epoch = undefined;
  }

  #catchUp(seat: Seat): void {
    if (this.#epoch === undefined || seat.begun) return;
    seat.begun = true;
    const rows = this.#rows();
    this.#call(seat, (follower) => follower.begin(this.#epoch ?? ""));
    for (const [i, row] of rows.entries()) this.#call(seat, (follower) => follower.message(row, rows.length - 1 - i));
    const position = this.#position;
    if (position !== undefined) this.#call(seat, (follower) => follower.level(position));
  }

  #tell(say: (follower: Follower) => void): void {
    for (const seat of this.#seats) if (seat.begun) this.#call(seat, say);
  }

  #call(seat: Seat, say: (follower: Follower) => void): void {
    if (this.#seats.has(seat)) guarded(() => say(seat.follower));
  }
}
