import type { Journal, Range, Reading, Recent, Stored } from "../bus/bus.ts";

/**
 * What a journal has stored under some subjects, as if they were one.
 *
 * A bus reads by one subject at a time, and one pattern for all of them would match what is not in the journal, which NATS
 * refuses.
 */
export class Excerpt {
  readonly #journal: Journal;
  readonly #subjects: readonly string[];

  constructor(journal: Journal, subjects: readonly string[]) {
    this.#journal = journal;
    this.#subjects = subjects;
  }

  /** See `Journal.read`; the bounds hold for each subject. */
  async read(range: Omit<Range, "subject">): Promise<Reading> {
    const readings = await Promise.all(this.#subjects.map((subject) => this.#journal.read({ ...range, subject })));
    const [only, ...others] = readings;
    if (only && others.length === 0) return only;
    // Where one subject's reading was cut, the others' are no longer complete.
    const end = Math.min(
      ...readings.map(({ messages, more }) => (more ? (messages.at(-1)?.position ?? 0) : range.upTo)),
    );
    return {
      messages: inOrder(readings.map(({ messages }) => messages)).filter(({ position }) => position <= end),
      lost: readings.some(({ lost }) => lost),
      more: readings.some(({ more }) => more),
    };
  }

  /** See `Journal.recent`; the bound in bytes holds for each subject. */
  async recent(range: Omit<Recent, "subject">): Promise<Omit<Reading, "lost">> {
    const readings = await Promise.all(this.#subjects.map((subject) => this.#journal.recent({ ...range, subject })));
    const [only, ...others] = readings;
    if (only && others.length === 0) return only;
    // Before the place where one subject's reading was cut, the others' are no longer complete.
    const start = Math.max(
      ...readings.map(({ messages, more }) => (more ? (messages[0]?.position ?? range.upTo + 1) : 0)),
    );
    const complete = inOrder(readings.map(({ messages }) => messages)).filter(({ position }) => position >= start);
    const messages = range.limit <= 0 ? [] : complete.slice(-range.limit);
    return { messages, more: readings.some(({ more }) => more) || messages.length < complete.length };
  }

  /** The oldest position that the journal still keeps. Throws `bus_away`. */
  async first(): Promise<number> {
    return (await this.#journal.bounds()).first;
  }
}

function inOrder(lists: readonly Stored[][]): Stored[] {
  return lists.flat().sort((one, other) => one.position - other.position);
}
