import { BackgroundError, type Report } from "../protocol/background.ts";
import type { Clock, Stop } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import { matches } from "../protocol/subject.ts";
import type { Said } from "./bus.ts";
import { exactSubject, subjectPattern } from "./grammar.ts";
import { afterThis } from "./turn.ts";

/** Plain subjects within one process: nothing is kept, and who is not listening has missed it. */
export class Switchboard {
  readonly #clock: Clock;
  readonly #report: Report;
  readonly #listeners = new Lines<void>();
  readonly #repliers = new Lines<Promise<Uint8Array>>();

  constructor(clock: Clock, report: Report) {
    this.#clock = clock;
    this.#report = report;
  }

  /** Tells everyone who listens now, after this call returned. */
  publish(subject: string, data: Uint8Array): void {
    const said = { subject: exactSubject(subject), data: new Uint8Array(data) };
    for (const line of this.#listeners.on(subject)) {
      afterThis(`hearing ${subject}`, () => line.isOpen && line.answer(said), this.#report);
    }
  }

  subscribe(pattern: string, answer: (message: Said) => void): Stop {
    return this.#listeners.join(subjectPattern(pattern), answer);
  }

  reply(pattern: string, answer: (message: Said) => Promise<Uint8Array>): Stop {
    return this.#repliers.join(subjectPattern(pattern), answer);
  }

  /** Asks one replier: of the subject itself before one of a pattern, and then the one who has answered for longest. */
  async request(subject: string, data: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    this.publish(subject, data);
    const [replier] = this.#repliers.on(subject);
    if (!replier) throw new Failure("no_responder", "Nobody answers there");
    const late = Promise.withResolvers<never>();
    const stop = this.#clock.after(timeoutMs, () => late.reject(new Failure("bus_away", "No answer came in time")));
    return Promise.race([this.#answered(replier, { subject, data }), late.promise]).finally(stop);
  }

  /** Hangs up every line. */
  close(): void {
    this.#listeners.clear();
    this.#repliers.clear();
  }

  /** What a replier throws reaches the asker as a Failure. */
  async #answered(replier: Line<Promise<Uint8Array>>, message: Said): Promise<Uint8Array> {
    try {
      return await replier.answer(message);
    } catch (thrown) {
      if (!(thrown instanceof Failure)) this.#report(new BackgroundError(`answering ${message.subject}`, thrown));
      throw Failure.from(thrown);
    }
  }
}

interface Line<Answer> {
  readonly answer: (message: Said) => Answer;
  isOpen: boolean;
}

/** Who listens where: the many on one subject each, and the few on patterns. */
class Lines<Answer> {
  readonly #exact = new Map<string, Set<Line<Answer>>>();
  readonly #patterns = new Map<string, Set<Line<Answer>>>();

  join(pattern: string, answer: Line<Answer>["answer"]): Stop {
    const places = /[*>]/.test(pattern) ? this.#patterns : this.#exact;
    const line = { answer, isOpen: true };
    places.set(pattern, (places.get(pattern) ?? new Set()).add(line));
    return () => {
      line.isOpen = false;
      places.get(pattern)?.delete(line);
      if (places.get(pattern)?.size === 0) places.delete(pattern);
    };
  }

  /** The lines on a subject. */
  on(subject: string): Line<Answer>[] {
    const found = [...(this.#exact.get(subject) ?? [])];
    for (const [pattern, lines] of this.#patterns) if (matches(pattern, subject)) found.push(...lines);
    return found;
  }

  clear(): void {
    for (const lines of [...this.#exact.values(), ...this.#patterns.values()]) {
      for (const line of lines) line.isOpen = false;
    }
    this.#exact.clear();
    this.#patterns.clear();
  }
}
