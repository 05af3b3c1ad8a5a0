import type { Clock } from "../protocol/clock.ts";
import type { Channel } from "./channel.ts";

/** How many channels are kept that were not used for a while. */
const channelsMax = 1024;

/** How much they may remember together, in UTF-16 code units of frames. */
const sizeMax = 64 * 1024 * 1024;

/** For how long one is kept in any case: a client that has opened it may be about to join, once others are open, too. */
const unsettledMs = 10_000;

interface Kept {
  readonly channel: Channel;
  readonly drop: () => boolean;
  idleSinceMs: number;
  /** What it remembered when it was left. */
  size: number;
  isArmed: boolean;
  isOver: boolean;
}

/**
 * Keeps channels for a while after their last client has left.
 *
 * Clients choose which channels there are, so those that are kept are bounded in number and size; those that were left
 * first go first.
 */
export class Lingering {
  readonly #clock: Clock;
  readonly #lingerMs: number;
  /** Those without a client; the one that was left first is the first. */
  readonly #idle = new Set<Kept>();
  #size = 0;

  constructor({ clock, lingerMs }: { clock: Clock; lingerMs: number }) {
    this.#clock = clock;
    this.#lingerMs = lingerMs;
  }

  /** How many channels are kept without a client. */
  get size(): number {
    return this.#idle.size;
  }

  /**
   * Calls `drop` once a channel was without a client for `lingerMs`, or too many others were left since. What is not dropped
   * then, because `drop` says false, has another time when its next client has left.
   */
  watch(channel: Channel, drop: () => boolean): void {
    const kept: Kept = { channel, drop, idleSinceMs: this.#clock.now(), size: 0, isArmed: false, isOver: false };
    channel.onIdle = () => this.#rest(kept);
    // One that was opened and is never joined, say for a request that is refused, counts as well.
    this.#rest(kept);
  }

  #rest(kept: Kept): void {
    kept.idleSinceMs = this.#clock.now();
    this.#forget(kept);
    if (kept.isOver) return;
    kept.size = kept.channel.size;
    this.#size += kept.size;
    this.#idle.add(kept);
    if (!kept.isArmed) this.#arm(kept, this.#lingerMs);
    this.#shrink();
  }

  #arm(kept: Kept, ms: number): void {
    kept.isArmed = true;
    this.#clock.after(ms, () => this.#check(kept));
  }

  #check(kept: Kept): void {
    kept.isArmed = false;
    if (kept.isOver) return;
    if (!kept.channel.isIdle) return this.#forget(kept);
    const restMs = kept.idleSinceMs + this.#lingerMs - this.#clock.now();
    if (restMs > 0) this.#arm(kept, restMs);
    else this.#end(kept);
  }

  #shrink(): void {
    const settledMs = this.#clock.now() - unsettledMs;
    for (const kept of this.#idle) {
      const isWithin = this.#idle.size <= channelsMax && this.#size <= sizeMax;
      if (isWithin || kept.idleSinceMs > settledMs) return;
      if (kept.channel.isIdle) this.#end(kept);
      else this.#forget(kept);
    }
  }

  #end(kept: Kept): void {
    this.#forget(kept);
    kept.isOver = kept.drop();
    kept.channel.isDropped = kept.isOver;
  }

  #forget(kept: Kept): void {
    if (this.#idle.delete(kept)) this.#size -= kept.size;
  }
}
