import { Histogram } from "./histogram.ts";
import type { MarkReader } from "./mark.ts";

/** What all clients of one load process counted together. */
export class Tally {
  /** Frames published in all, warm-up included. */
  readonly total: number;
  readonly latency = new Histogram();
  /** New frames received after the warm-up. */
  deliveries = 0;
  /** When the newest of them came, µs. */
  lastAtUs = 0;
  /** Clients that have the last frame. */
  complete = 0;
  /** Connections that ended before the run did. */
  closed = 0;
  /** Why the first of them ended. */
  reason = "";
  readonly #warm: number;

  constructor(total: number, warm: number) {
    this.total = total;
    this.#warm = warm;
  }

  /** One new frame, at `nowUs`. */
  delivered(mark: MarkReader, nowUs: number): void {
    if (mark.seq < this.#warm) return;
    this.deliveries++;
    this.lastAtUs = nowUs;
    this.latency.record(nowUs - mark.atUs);
  }

  /** One client has the last frame. */
  completed(): void {
    this.complete++;
  }

  /** One connection ended. */
  lost(reason: string): void {
    this.closed++;
    this.reason ||= reason;
  }
}
