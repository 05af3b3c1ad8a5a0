import { inBackground, type Report } from "../protocol/background.ts";
import type { Clock, Stop } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import type { OpenLog } from "./open-log.ts";
import { Sweep } from "./sweep.ts";

/** What the open logs need. */
export interface OpenLogsParts {
  readonly clock: Clock;
  /** How many may be open at a time. */
  readonly maxFollowed: number;
  readonly make: (name: string) => OpenLog;
  /** Takes an exception that no request can answer for. */
  readonly report: Report;
}

interface Held {
  readonly log: OpenLog;
  readonly ready: Promise<void>;
}

const lookEveryMs = 1_000;

/** The logs that are open, by name. One that nobody needs any more is closed within a second. */
export class OpenLogs {
  readonly #parts: OpenLogsParts;
  readonly #held = new Map<string, Held>();
  readonly #closing = new Set<Promise<void>>();
  readonly #sweep: Sweep;
  #stop: Stop = () => {};

  constructor(parts: OpenLogsParts) {
    this.#parts = parts;
    this.#sweep = new Sweep(parts.clock, parts.report);
  }

  /** The log of that name if it is open. */
  get(name: string): OpenLog | undefined {
    return this.#held.get(name)?.log;
  }

  /**
   * Has `work` done with a log, which is opened for it if need be; those who come meanwhile wait for the same opening.
   *
   * Throws `forbidden` when the file lies where it may not, `bus_away` when too many are open.
   */
  async use<Result>(name: string, work: (log: OpenLog) => Promise<Result>): Promise<Result> {
    const { log, ready } = this.#held.get(name) ?? this.#open(name);
    return log.use(async () => {
      await ready;
      return work(log);
    });
  }

  /** Closes all of them. */
  async close(): Promise<void> {
    for (const [name, { log }] of this.#held) this.#close(name, log);
    await Promise.allSettled(this.#closing);
  }

  #open(name: string): Held {
    const { clock, maxFollowed, make } = this.#parts;
    if (this.#held.size >= maxFollowed) this.#closeIdle();
    if (this.#held.size >= maxFollowed) {
      throw new Failure("bus_away", `The logs agent follows ${maxFollowed} logs already, and no more at a time`);
    }
    const log = make(name);
    const held = { log, ready: log.start() };
    if (this.#held.size === 0) this.#stop = clock.every(lookEveryMs, () => this.#closeIdle());
    this.#held.set(name, held);
    this.#sweep.add(log);
    // What awaits `ready` gets the reason.
    held.ready.catch(() => this.#close(name, log));
    return held;
  }

  #closeIdle(): void {
    for (const [name, { log }] of this.#held) {
      if (log.isIdle) this.#close(name, log);
    }
  }

  #close(name: string, log: OpenLog): void {
    if (this.get(name) !== log) return;
    this.#held.delete(name);
    this.#sweep.delete(log);
    if (this.#held.size === 0) this.#stop();
    const closing = log.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
    inBackground(`closing the log ${name}`, closing, this.#parts.report);
  }
}
