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

  /** See `Journal.read`. */
  async read(range: Omit<Range, "subject">): Promise<Reading> {
    const readings = await Promise.all(this.#subjects.map((subject) => this.#journal.read({ ...range, subject })));
    const messages = inOrder(readings.map((reading) => reading.messages)).slice(0, range.limit);
    return { messages, whole: readings.every(({ whole }) => whole) && messages.length < range.limit };
  }

  /** See `Journal.recent`. */
  async recent(range: Omit<Recent, "subject">): Promise<Stored[]> {
    const found = await Promise.all(this.#subjects.map((subject) => this.#journal.recent({ ...range, subject })));
    return range.limit <= 0 ? [] : inOrder(found).slice(-range.limit);
  }
}

function inOrder(lists: readonly Stored[][]): Stored[] {
  const [first = [], ...rest] = lists;
  return rest.length === 0 ? first : lists.flat().sort((one, other) => one.position - other.position);
}
