import type { Range, Reading, Recent, Stored } from "./bus.ts";
import { subjectPattern } from "./grammar.ts";
import { type ConsumerInfo, call } from "./jetstream.ts";
import { Head, Tail } from "./lengths.ts";
import { pull } from "./pull.ts";
import type { Store } from "./store.ts";

/** A consumer made for one reading: its name, and how many messages wait behind it. */
interface Window {
  readonly name: string;
  readonly count: number;
}

/**
 * Reads what a journal has stored, through consumers that live for one reading.
 *
 * They are pulled from: the server then never sends more than was asked for, however much is stored (`pull.ts`).
 */
export class Past {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** See `Journal.read`. */
  async read(range: Range): Promise<Reading> {
    subjectPattern(range.subject);
    const head = new Head(range);
    await this.#store.inFlight.readings.pass(() => this.#read(range, (message) => head.add(message)));
    // Looked at afterwards, so that what retention removed meanwhile counts as missing.
    const { first } = await this.#store.bounds();
    return { messages: head.messages, lost: range.after < first - 1, more: head.isFull };
  }

  /** See `Journal.recent`. Its cost grows with the logarithm of how far back the messages are. */
  async recent(range: Recent): Promise<Omit<Reading, "lost">> {
    const { subject, upTo, limit } = range;
    subjectPattern(subject);
    const { first, last } = await this.#store.bounds();
    const end = Math.min(upTo, last);
    if (limit <= 0 || end < first) return { messages: [], more: limit <= 0 };
    return this.#store.inFlight.readings.pass(async () => {
      const beyond = end < last ? await this.#count(subject, end) : 0;
      const count = async (after: number) => (await this.#count(subject, after)) - beyond;
      const after = await findStart({ floor: first - 1, end, limit, count });
      const tail = new Tail(range);
      await this.#read({ subject, after, upTo: end, limit: Number.MAX_SAFE_INTEGER }, (message) => tail.add(message));
      return { messages: tail.messages, more: tail.isFull };
    });
  }

  async #read({ subject, after, upTo, limit }: Range, hear: Wanted["hear"]): Promise<void> {
    if (limit <= 0 || upTo <= after) return;
    await this.#within(subject, after, (window) =>
      this.#pull(window, { upTo, limit: Math.min(limit, window.count), hear }),
    );
  }

  #count(subject: string, after: number): Promise<number> {
    return this.#within(subject, after, async ({ count }) => count);
  }

  async #within<Result>(subject: string, after: number, look: (window: Window) => Promise<Result>): Promise<Result> {
    const { connection, name: stream } = this.#store;
    const name = `skein-${crypto.randomUUID()}`;
    const config = {
      name,
      ack_policy: "none",
      replay_policy: "instant",
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: 30_000 * 1e6,
      deliver_policy: "by_start_sequence",
      opt_start_seq: after + 1,
      filter_subject: subject,
    };
    const verb = `CONSUMER.CREATE.${stream}.${name}.${subject}`;
    const { num_pending } = await call<ConsumerInfo>(connection, verb, { stream_name: stream, config });
    try {
      return await look({ name, count: num_pending });
    } finally {
      // One that cannot be deleted goes away by itself after `inactive_threshold`.
      call(connection, `CONSUMER.DELETE.${stream}.${name}`).catch(() => {});
    }
  }

  /** Up to `limit` messages until one comes after `upTo`; each is told to `hear`. */
  #pull({ name }: Window, { upTo, limit, hear }: Wanted): Promise<void> {
    const wanted = (message: Stored) => {
      if (message.position > upTo) return true;
      return hear(message) || message.position >= upTo;
    };
    const { connection, name: stream } = this.#store;
    return pull(connection, { stream, consumer: name, most: limit, hear: wanted });
  }
}

interface Wanted {
  readonly upTo: number;
  readonly limit: number;
  /** True: that is enough. */
  readonly hear: (message: Stored) => boolean;
}

interface Search {
  /** Nothing is kept at or before this position. */
  readonly floor: number;
  readonly end: number;
  readonly limit: number;
  /** How many messages lie after a position, up to `end`. */
  readonly count: (after: number) => Promise<number>;
}

/** A position after which at least `limit` messages lie, if there are so many, and not many more. */
async function findStart({ floor, end, limit, count }: Search): Promise<number> {
  let tooFew = end;
  let enough = Math.max(end - limit, floor);
  let found = await count(enough);
  for (let size = 2 * limit; found < limit && enough > floor; size *= 2) {
    tooFew = enough;
    enough = Math.max(end - size, floor);
    found = await count(enough);
  }
  // Messages may lie dense beyond a desert: then half of the last step, again and again.
  while (found > 2 * limit && tooFew - enough > 1) {
    const middle = Math.floor((tooFew + enough) / 2);
    const here = await count(middle);
    if (here < limit) tooFew = middle;
    else [enough, found] = [middle, here];
  }
  return enough;
}
