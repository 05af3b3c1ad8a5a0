import { inBackground, type Report } from "../protocol/background.ts";
import type { Clock, Stop } from "../protocol/clock.ts";
import { endOf, type LinesStep, type LogPlace, type LogStep } from "../protocol/log.ts";

/** When steps leave together. */
export interface BatchLimits {
  /** How long steps wait for others at most, in milliseconds. Default 100. */
  readonly batchMs: number;
  /** How much of a file may be in one step, in bytes. Default 65,536. */
  readonly batchBytes: number;
}

/** What a batcher needs. */
export interface BatchParts {
  readonly clock: Clock;
  readonly limits: BatchLimits;
  /** Says a step to everyone; while what it returns has not settled, no more should be taken. */
  readonly publish: (step: LogStep) => void | Promise<void>;
  /** Takes an exception that no request can answer for. Default: `console.error`. */
  readonly report?: Report;
}

/**
 * Makes few steps of many.
 *
 * The first step of a quiet log leaves at once. What follows within `batchMs` leaves together, or as soon as there is
 * `batchBytes` of it. Rotations and late lines wait for nothing, but what came before them leaves before them.
 */
export class Batcher {
  readonly #parts: BatchParts;
  #waiting: LinesStep[] = [];
  #waitingBytes = 0;
  #leftMs = Number.NEGATIVE_INFINITY;
  #stopTimer: Stop | undefined;
  #place: LogPlace | undefined;
  #isClosed = false;

  constructor(parts: BatchParts) {
    this.#parts = parts;
  }

  /** Where the last step that was published ended; undefined before the first. */
  get place(): LogPlace | undefined {
    return this.#place;
  }

  /** Takes the next step; take no more before what it returns has settled. */
  take(step: LogStep): void | Promise<void> {
    if (this.#isClosed) return;
    if ("rotated" in step || step.from === step.to) {
      const before = this.flush();
      const after = this.#publish(step);
      return before && after ? Promise.all([before, after]).then(() => {}) : (after ?? before);
    }
    const isRoom = this.#waitingBytes + bytesOf(step) <= this.#parts.limits.batchBytes;
    const isNext = isRoom && this.#chains(step);
    const left = isNext ? undefined : this.flush();
    this.#waiting.push(step);
    this.#waitingBytes += bytesOf(step);
    return this.#leave() ?? left;
  }

  /** Publishes what waits. */
  flush(): void | Promise<void> {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    const step = merged(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (!step) return;
    this.#leftMs = this.#parts.clock.now();
    return this.#publish(step);
  }

  /** Forgets what waits and what still comes. */
  close(): void {
    this.#isClosed = true;
    this.#waiting = [];
    this.#leaveLater();
  }

  #leave(): void | Promise<void> {
    const { clock, limits } = this.#parts;
    const restMs = this.#leftMs + limits.batchMs - clock.now();
    if (restMs <= 0 || this.#waitingBytes >= limits.batchBytes) return this.flush();
    this.#stopTimer ??= clock.after(Math.min(restMs, limits.batchMs), () => this.#leaveLater());
  }

  /** Publishes what waits, and nothing waits for that. */
  #leaveLater(): void {
    inBackground("publishing lines", Promise.resolve(this.flush()), this.#parts.report ?? console.error);
  }

  #chains(step: LinesStep): boolean {
    const last = this.#waiting.at(-1);
    return !last || (last.generation === step.generation && last.to === step.from);
  }

  #publish(step: LogStep): void | Promise<void> {
    this.#place = endOf(step);
    return this.#parts.publish(step);
  }
}

function bytesOf({ from, to }: LinesStep): number {
  return to - from;
}

function merged(steps: readonly LinesStep[]): LinesStep | undefined {
  const [first] = steps;
  const last = steps.at(-1);
  if (!first || !last || first === last) return first;
  return { ...last, lines: steps.flatMap(({ lines }) => lines), from: first.from };
}
