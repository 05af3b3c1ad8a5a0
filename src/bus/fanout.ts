import { BackgroundError, type Report } from "../protocol/background.ts";
import type { Stop } from "../protocol/clock.ts";
import type { Follower, Stored } from "./bus.ts";
import { afterThis } from "./turn.ts";

interface Seat {
  readonly follower: Follower;
  /** Whether it was told of a beginning; until then it hears nothing. */
  begun: boolean;
}

interface FanoutParts {
  /** What is read, for reports. */
  readonly store: string;
  /** What a late follower has to be told before it is level. */
  readonly rows: () => readonly Stored[];
  readonly report: Report;
}

/**
 * Tells one reading to many followers, each call in order and at once.
 *
 * One who joins late gets a beginning of its own: `begin`, the rows as they are, `level` as soon as the reading is level.
 * An exception in a follower ends that call alone, and is reported with the subject and position that it is about.
 */
export class Fanout implements Follower {
  readonly #parts: FanoutParts;
  readonly #seats = new Set<Seat>();
  #epoch: string | undefined;
  #position: number | undefined;

  constructor(parts: FanoutParts) {
    this.#parts = parts;
  }

  /** How many follow. */
  get size(): number {
    return this.#seats.size;
  }

  /** Seats a follower; its first call comes after this one returned. */
  join(follower: Follower): Stop {
    const seat: Seat = { follower, begun: false };
    this.#seats.add(seat);
    const { store, report } = this.#parts;
    afterThis(`catching up in ${store}`, () => this.#catchUp(seat), report);
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
    this.#tell((follower) => follower.message(message, behind), message);
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
    const rows = this.#parts.rows();
    this.#call(seat, (follower) => follower.begin(this.#epoch ?? ""));
    for (const [i, row] of rows.entries()) {
      this.#call(seat, (follower) => follower.message(row, rows.length - 1 - i), row);
    }
    const position = this.#position;
    if (position !== undefined) this.#call(seat, (follower) => follower.level(position));
  }

  #tell(say: (follower: Follower) => void, about?: Stored): void {
    for (const seat of this.#seats) if (seat.begun) this.#call(seat, say, about);
  }

  #call(seat: Seat, say: (follower: Follower) => void, about?: Stored): void {
    if (!this.#seats.has(seat)) return;
    try {
      say(seat.follower);
    } catch (thrown) {
      const { store, report } = this.#parts;
      const place = about ? `${about.subject} at position ${about.position}` : "where a reading begins or is level";
      report(new BackgroundError(`following ${store}, ${place}`, thrown));
    }
  }
}
