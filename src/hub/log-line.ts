import type { Said } from "../bus/bus.ts";
import { inBackground, type Report } from "../protocol/background.ts";
import type { Stop } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import { beginsAt, endOf, isSamePlace, type LogPlace, type LogStep } from "../protocol/log.ts";
import { parseStep } from "../stream/log.ts";
import type { RemoteLog } from "./remote-log.ts";

/** How often a logs agent is told that we still follow; it forgets us after three times that. */
const renewEveryMs = 10_000;

/** How soon an agent that did not answer is asked again. */
const retryMs = 1000;

/** How often in a row what an answer says may fail to meet what is published. */
const mostAttempts = 5;

/** After how many answers of missed steps a fresh start is the better way. */
const mostAnswers = 100;

/** What a line tells its channel. */
export interface LogListener {
  /** Steps that connect with everything told before. */
  steps(steps: readonly LogStep[]): void;
  /** What was told before does not connect with what comes: everybody starts over. */
  restart(): void;
  /** The log may not be read any more. */
  refuse(failure: Failure): void;
}

/**
 * The upstream of one log: hears the steps that its agent publishes, and asks for those that it did not hear.
 *
 * It begins with `open` and ends with `close`; in between it asks again whenever an agent may be back.
 */
export class LogLine {
  readonly #parts: LogLineParts;
  readonly #stops: Stop[] = [];
  /** Where the next step must begin. Null: no file so far; undefined: no agent has ever answered. */
  #place: LogPlace | null | undefined;
  /** Steps that came while an agent was being asked. */
  #queue: LogStep[] = [];
  #asking: Promise<void> | undefined;
  /** Whether steps are kept for the end of a question; over at once when it ends, not a microtask later. */
  #isKeeping = false;
  /** Whether the file has just come into being, so that all of it is news. */
  #isAnew = false;
  #stopRetry: Stop | undefined;
  #isClosed = false;

  constructor(parts: LogLineParts) {
    this.#parts = parts;
  }

  /** After everything that was told. */
  get place(): LogPlace | undefined {
    return this.#place ?? undefined;
  }

  /** Settles when no question is under way. */
  get settled(): Promise<void> {
    // Why a question failed is dealt with where it was asked.
    return this.#asking?.catch(() => {}) ?? Promise.resolve();
  }

  /** Begins to hear and asks where the log is. Throws what the agent, or its absence, says. */
  async open(): Promise<void> {
    const { remote, clock } = this.#parts;
    this.#stops.push(this.#parts.subscribe(remote.steps, (said) => this.#hear(said)));
    this.#stops.push(
      clock.every(renewEveryMs, () =>
        inBackground("renewing the interest in a log", this.#renew(), this.#parts.report),
      ),
    );
    await this.ask();
  }

  close(): void {
    this.#isClosed = true;
    for (const stop of this.#stops.splice(0)) stop();
    this.#stopRetry?.();
    // An agent that does not hear it forgets us by itself.
    this.#parts.remote.leave(this.#parts.by).catch(() => {});
  }

  /** No agent has the log yet: until one does, it is empty. */
  expectNothing(): void {
    this.#place ??= null;
  }

  /** The file of this log has just come into being. */
  appeared(): void {
    if (!this.#place) this.#isAnew = true;
    this.askAgain();
  }

  /** Asks the agent where the log is, and for what we have not heard. Rejects with why it could not be. */
  ask(): Promise<void> {
    this.#asking ??= this.#meet().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  /** The same, and nothing waits for it: it is asked again until an agent answers. */
  askAgain(): void {
    const asked = this.ask().catch((thrown: unknown) => {
      if (!(thrown instanceof Failure)) throw thrown;
    });
    inBackground("asking for a log", asked, this.#parts.report);
  }

  async #meet(): Promise<void> {
    this.#stopRetry?.();
    this.#isKeeping = true;
    try {
      for (let attempt = 1; !(await this.#catchUp(attempt > mostAttempts)); attempt++);
    } catch (thrown) {
      this.#isKeeping = false;
      this.#queue = [];
      if (this.#isClosed) throw thrown;
      if (thrown instanceof Failure && thrown.code === "forbidden") this.#parts.listener.refuse(thrown);
      else this.#stopRetry = this.#parts.clock.after(retryMs, () => this.askAgain());
      throw thrown;
    }
  }

  /** One attempt to bring our place to where the next published step begins. False when it did not get there. */
  async #catchUp(isLast: boolean): Promise<boolean> {
    const { remote, by, listener } = this.#parts;
    const there = await remote.follow(by);
    const here = this.#place;
    if (there === null || (here && isSamePlace(here, there))) {
      this.#place ??= there;
    } else if (isLast || !(await this.#read(here ?? null))) {
      this.#place = there;
      if (here !== undefined) listener.restart();
    }
    return this.#replay();
  }

  /** Tells what lies between a place, or the start of a new file, and now. False when that cannot be had. */
  async #read(since: LogPlace | null): Promise<boolean> {
    if (since === null && !this.#isAnew) return false;
    this.#isAnew = false;
    for (let from = since, answers = 0; answers < mostAnswers; answers++) {
      const reading = await this.#parts.remote.after(from);
      if ("lost" in reading) return false;
      this.#place = reading.place;
      if (reading.steps.length > 0) this.#parts.listener.steps(reading.steps);
      if (reading.whole) return true;
      from = reading.place;
    }
    return false;
  }

  /** Tells the steps that came meanwhile, from the first that begins where we are. False when they do not meet us. */
  #replay(): boolean {
    const queue = this.#queue;
    this.#queue = [];
    const first = queue.findIndex((step) => this.#continues(step));
    const last = queue.at(-1);
    const isMet =
      first !== -1
        ? queue.slice(first).every((step) => this.#take(step))
        : last === undefined || (this.#place != null && isSamePlace(endOf(last), this.#place));
    this.#isKeeping = !isMet;
    return isMet;
  }

  #hear({ data }: Said): void {
    let step: LogStep;
    try {
      step = parseStep(data);
    } catch (thrown) {
      return this.#parts.reject(data, Failure.from(thrown));
    }
    if (!this.#isKeeping && this.#take(step)) return;
    this.askAgain();
    this.#queue.push(step);
  }

  #continues(step: LogStep): boolean {
    if (this.#place) return beginsAt(step, this.#place);
    return this.#place === null && step.from === 0;
  }

  #take(step: LogStep): boolean {
    if (!this.#continues(step)) return false;
    this.#place = endOf(step);
    this.#parts.listener.steps([step]);
    return true;
  }

  /** Says that we still follow; the answer shows whether the last step of a quiet log was heard. */
  async #renew(): Promise<void> {
    if (this.#asking) return;
    const before = this.#place;
    try {
      const there = await this.#parts.remote.follow(this.#parts.by);
      const isQuiet = !this.#asking && this.#place === before;
      const isSame = there === null || (before && isSamePlace(before, there));
      if (!isQuiet || isSame) return;
    } catch {
      // The question below is repeated until somebody answers.
    }
    this.askAgain();
  }
}

interface LogLineParts {
  readonly remote: RemoteLog;
  /** Names this process among those who follow the log. */
  readonly by: string;
  readonly clock: { after(ms: number, task: () => void): Stop; every(ms: number, task: () => void): Stop };
  readonly subscribe: (subject: string, listener: (said: Said) => void) => Stop;
  readonly listener: LogListener;
  /** Takes an exception that no request can answer for. */
  readonly report: Report;
  /** Takes a body that is no step out of sight. */
  reject(data: Uint8Array, failure: Failure): void;
}
