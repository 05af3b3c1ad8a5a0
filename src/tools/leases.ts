import type { Stored } from "../bus/bus.ts";
import { keyOf, parseEvent, type ToolEvent } from "./event.ts";

/** A tool that is at work and has promised to say so again. */
export interface Lease {
  readonly subject: string;
  /** The event that began it, and where and when it was stored. */
  readonly start: ToolEvent;
  readonly position: number;
  readonly startedAtMs: number;
  /** How long it may be silent. */
  readonly leaseMs: number;
  /** When it lapses, by the clock of this process: others may differ, but silence is as long everywhere. */
  lapsesAtMs: number;
}

/** How many leases are watched at the most; of more, the oldest are left alone. */
const most = 20_000;
const mark = Buffer.from("lease_s");

/** The leases of all tools, as the events come. */
export class Leases {
  readonly #leases = new Map<string, Lease>();

  /** Takes an event that is known of at `nowMs`. */
  take({ subject, data, position, atMs }: Stored, nowMs: number): void {
    // Most events are of tools that promise nothing.
    const isOfInterest =
      this.#leases.size > 0 || Buffer.from(data.buffer, data.byteOffset, data.byteLength).includes(mark);
    const event = isOfInterest ? parseEvent(data) : undefined;
    if (event === undefined) return;
    const key = keyOf(subject, event);
    if (event.type === "tool_start") {
      this.#leases.delete(key);
      if (event.lease_s == null) return;
      const leaseMs = event.lease_s * 1000;
      this.#leases.set(key, {
        subject,
        start: event,
        position,
        startedAtMs: atMs,
        leaseMs,
        lapsesAtMs: nowMs + leaseMs,
      });
      this.#limit();
      return;
    }
    const lease = this.#leases.get(key);
    if (event.type === "tool_end") this.#leases.delete(key);
    else if (lease) lease.lapsesAtMs = nowMs + lease.leaseMs;
  }

  /** Those that have lapsed. */
  lapsed(nowMs: number): Lease[] {
    return [...this.#leases.values()].filter(({ lapsesAtMs }) => lapsesAtMs <= nowMs);
  }

  /** Whether it is still to be watched. */
  has({ subject, start, position }: Lease): boolean {
    return this.#leases.get(keyOf(subject, start))?.position === position;
  }

  /** Gives every tool its whole time again: nobody could be heard. */
  renewAll(nowMs: number): void {
    for (const lease of this.#leases.values()) lease.lapsesAtMs = nowMs + lease.leaseMs;
  }

  clear(): void {
    this.#leases.clear();
  }

  #limit(): void {
    const [oldest] = this.#leases.keys();
    if (this.#leases.size > most && oldest !== undefined) this.#leases.delete(oldest);
  }
}
