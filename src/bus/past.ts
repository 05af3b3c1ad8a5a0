import type { Msg } from "nats";
import { Failure } from "../protocol/failure.ts";
import type { Range, Reading, Recent, Stored } from "./bus.ts";
import type { Gate } from "./gate.ts";
import { subjectPattern } from "./grammar.ts";
import { type ConsumerInfo, call, isDelivery, parseReceipt } from "./jetstream.ts";
import type { Store } from "./store.ts";

/** A consumer made for one reading: its name, and how many messages wait behind it. */
interface Window {
  readonly name: string;
  readonly count: number;
}

const silenceMs = 5_000;
/** How many messages the server may send before we ask for more. */
const batch = 1_000;
const utf8 = new TextEncoder();

/**
 * Reads what a journal has stored, through consumers that live for one reading.
 *
 * They are pulled from: the server then never sends more than was asked for, however much is stored.
 */
export class Past {
  readonly #store: Store;
  readonly #gate: Gate;

  constructor(store: Store, gate: Gate) {
    this.#store = store;
    this.#gate = gate;
  }

  /** See `Journal.read`. */
  async read(range: Range): Promise<Reading> {
    subjectPattern(range.subject);
    const messages = await this.#gate.pass(() => this.#read(range));
    // Looked at afterwards, so that what retention removed meanwhile counts as missing.
    const { first } = await this.#store.bounds();
    return { messages, whole: range.after >= first - 1 && messages.length < range.limit };
  }

  /** See `Journal.recent`. Its cost grows with the logarithm of how far back the messages are. */
  async recent({ subject, upTo, limit }: Recent): Promise<Stored[]> {
    subjectPattern(subject);
    const { first, last } = await this.#store.bounds();
    const end = Math.min(upTo, last);
    if (limit <= 0 || end < first) return [];
    return this.#gate.pass(async () => {
      const beyond = end < last ? await this.#count(subject, end) : 0;
      const count = async (after: number) => (await this.#count(subject, after)) - beyond;
      const after = await findStart({ floor: first - 1, end, limit, count });
      const messages = await this.#read({ subject, after, upTo: end, limit: Number.MAX_SAFE_INTEGER });
      return messages.slice(-limit);
    });
  }

  async #read({ subject, after, upTo, limit }: Range): Promise<Stored[]> {
    if (limit <= 0 || upTo <= after) return [];
    return this.#within(subject, after, (window) => this.#collect(window, upTo, Math.min(limit, window.count)));
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

  /** Pulls up to `most` messages until one comes after `upTo`. */
  #collect({ name }: Window, upTo: number, most: number): Promise<Stored[]> {
    if (most === 0) return Promise.resolve([]);
    const { connection, name: stream } = this.#store;
    const { promise, resolve, reject } = Promise.withResolvers<Stored[]>();
    const away = () => reject(new Failure("bus_away", "The bus went away before everything was read"));
    const messages: Stored[] = [];
    const inbox = connection.inbox();
    const pull = () => {
      const wanted = Math.min(batch, most - messages.length);
      const request = JSON.stringify({ batch: wanted, no_wait: true });
      connection.ask(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${name}`, inbox, utf8.encode(request));
    };
    let stopWaiting = connection.clock.after(silenceMs, away);
    const hear = (message: Msg) => {
      stopWaiting();
      stopWaiting = connection.clock.after(silenceMs, away);
      if (!isDelivery(message.reply)) return resolve(messages);
      const { position, atMs, behind } = parseReceipt(message.reply);
      if (position > upTo) return resolve(messages);
      messages.push({ subject: message.subject, data: message.data, position, atMs });
      if (messages.length >= most || position >= upTo || behind === 0) resolve(messages);
      else if (messages.length % batch === 0) pull();
    };
    const stops = [connection.subscribe(inbox, hear), connection.onState(away), () => stopWaiting()];
    pull();
    return promise.finally(() => {
      for (const stop of stops) stop();
    });
  }
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
