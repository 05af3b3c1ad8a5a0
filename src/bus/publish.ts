import { headers, type MsgHdrs } from "nats";
import { pauseApart } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import type { Ack, Said, Stored, Terms } from "./bus.ts";
import type { Connection } from "./connection.ts";
import { isError, JetStreamError, parseAnswer } from "./jetstream.ts";

interface PubAck {
  readonly seq: number;
  readonly duplicate?: boolean;
}

/** Where a message is to be stored. */
export interface Target {
  readonly connection: Connection;
  /** The name of the stream. */
  readonly name: string;
  /** The newest message of a subject with its message id, or undefined when there is none. Throws `bus_away`. */
  newest(subject: string): Promise<Newest | undefined>;
  /** Called when no stream takes the message; another attempt follows. */
  open(): Promise<void>;
}

export interface Newest {
  readonly stored: Stored;
  readonly id: string | undefined;
}

const deadlineMs = 5_000;
const answerWithinMs = 2_000;
const retryAfterMs = 50;
const retryAtMostAfterMs = 500;

/**
 * Stores a message and waits for JetStream's word, asking again until it comes; the message id makes that harmless.
 *
 * Throws `conflict` when another value than `expected` was there, `bus_away` when no word came within five seconds.
 */
export async function publish(target: Target, said: Said, terms: Terms): Promise<Ack> {
  const id = terms.id ?? crypto.randomUUID();
  const letter = new Letter(target, said, { ...terms, id });
  const { clock } = target.connection;
  const deadline = clock.now() + deadlineMs;
  for (let wait = retryAfterMs; ; wait = Math.min(wait * 2, retryAtMostAfterMs)) {
    const ack = await letter.send(deadline - clock.now());
    // Our own earlier attempt is no duplicate to the caller who gave no id.
    if (ack) return { position: ack.seq, duplicate: ack.duplicate === true && terms.id !== undefined };
    if (target.connection.closed || clock.now() + wait >= deadline) break;
    await pauseApart(clock, wait / 2);
  }
  throw new Failure("bus_away", "The bus did not acknowledge the message");
}

/** One message on its way, through all its attempts. */
class Letter {
  readonly #target: Target;
  readonly #said: Said;
  readonly #id: string;
  readonly #terms: Terms;
  #expected: number | undefined;
  /** Whether an attempt may have been stored without our hearing of it. */
  #uncertain = false;

  constructor(target: Target, said: Said, terms: Terms & { id: string }) {
    this.#target = target;
    this.#said = said;
    this.#id = terms.id;
    this.#terms = terms;
    this.#expected = terms.expected;
  }

  /** Tries once; undefined means: try again. */
  async send(timeLeftMs: number): Promise<PubAck | undefined> {
    const { connection } = this.#target;
    try {
      const timeoutMs = Math.min(answerWithinMs, timeLeftMs);
      const question = { data: this.#said.data, headers: this.#headers(), timeoutMs };
      const { data } = await connection.request(this.#said.subject, question);
      return parseAnswer<PubAck>(data);
    } catch (thrown) {
      if (isError(thrown, "wrongSequence")) return this.#disputed();
      if (thrown instanceof JetStreamError && isPassing(thrown)) return undefined;
      if (!(thrown instanceof Failure)) throw thrown;
      if (thrown.code === "no_responder") return this.#unheard();
      if (thrown.code !== "bus_away") throw thrown;
      this.#uncertain = true;
      return undefined;
    }
  }

  #headers(): MsgHdrs {
    const h = headers();
    h.set("Nats-Msg-Id", this.#id);
    h.set("Nats-Expected-Stream", this.#target.name);
    if (this.#expected !== undefined) h.set("Nats-Expected-Last-Subject-Sequence", String(this.#expected));
    return h;
  }

  /**
   * Since 2.12 the sequence is checked before the message id, so that the one who won may be our own earlier attempt.
   * And over a deleted value, whose empty message is still there, 0 means its sequence.
   */
  async #disputed(): Promise<PubAck | undefined> {
    const newest = await this.#newest();
    if (newest === "unknown") return undefined;
    if (newest && this.#uncertain && newest.id === this.#id) return { seq: newest.stored.position };
    const free = newest === undefined || newest.stored.data.length === 0;
    if (this.#terms.expected !== 0 || !free) throw new Failure("conflict", "Another value was stored before");
    this.#expected = newest?.stored.position ?? 0;
    return undefined;
  }

  async #newest() {
    try {
      return await this.#target.newest(this.#said.subject);
    } catch (thrown) {
      if (thrown instanceof Failure && thrown.code === "bus_away") return "unknown";
      throw thrown;
    }
  }

  /** No stream listens: a server that came back empty gets its stream again. */
  async #unheard(): Promise<undefined> {
    try {
      await this.#target.open();
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
    }
  }
}

/** Not ready yet, out of some resource, or too many requests at once. */
function isPassing({ status }: JetStreamError): boolean {
  return status === 503 || status === 429;
}
