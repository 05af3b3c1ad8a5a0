import type { Clock, Stop } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import { matches } from "../protocol/subject.ts";
import type { Said } from "./bus.ts";
import { exactSubject, subjectPattern } from "./grammar.ts";

interface Line<Answer> {
  readonly pattern: string;
  readonly answer: (message: Said) => Answer;
}

/** Plain subjects within one process: nothing is kept, and who is not listening has missed it. */
export class Switchboard {
  readonly #clock: Clock;
  readonly #listeners = new Set<Line<void>>();
  readonly #repliers = new Set<Line<Promise<Uint8Array>>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Tells everyone who listens now, after this call returned. */
  publish(subject: string, data: Uint8Array): void {
    const said = { subject: exactSubject(subject), data: new Uint8Array(data) };
    const lines = [...this.#listeners].filter(({ pattern }) => matches(pattern, subject));
    for (const line of lines) queueMicrotask(() => this.#listeners.has(line) && line.answer(said));
  }

  subscribe(pattern: string, answer: (message: Said) => void): Stop {
    return join(this.#listeners, { pattern: subjectPattern(pattern), answer });
  }

  reply(pattern: string, answer: (message: Said) => Promise<Uint8Array>): Stop {
    return join(this.#repliers, { pattern: subjectPattern(pattern), answer });
  }

  /** Asks the replier who has answered for longest. */
  async request(subject: string, data: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    this.publish(subject, data);
    const replier = [...this.#repliers].find(({ pattern }) => matches(pattern, subject));
    if (!replier) throw new Failure("no_responder", "Nobody answers there");
    const late = Promise.withResolvers<never>();
    const stop = this.#clock.after(timeoutMs, () => late.reject(new Failure("bus_away", "No answer came in time")));
    return Promise.race([answered(replier, { subject, data }), late.promise]).finally(stop);
  }

  /** Hangs up every line. */
  close(): void {
    this.#listeners.clear();
    this.#repliers.clear();
  }
}

/** What a replier throws reaches the asker as a Failure. */
async function answered(replier: Line<Promise<Uint8Array>>, message: Said): Promise<Uint8Array> {
  try {
    return await replier.answer(message);
  } catch (thrown) {
    throw Failure.from(thrown);
  }
}

function join<Item>(lines: Set<Item>, line: Item): Stop {
  lines.add(line);
  return () => {
    lines.delete(line);
  };
}
