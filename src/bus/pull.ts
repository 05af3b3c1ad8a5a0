import type { Msg } from "nats";
import type { Stop } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import type { Stored } from "./bus.ts";
import type { Connection } from "./connection.ts";
import { isDelivery, parseReceipt } from "./jetstream.ts";

/** What is pulled from. */
export interface Pulled {
  readonly stream: string;
  readonly consumer: string;
  /** How many messages at most. */
  readonly most: number;
  /** Hears each message in order; true: that is enough. `behind`: how many more the consumer has. */
  readonly hear: (message: Stored, behind: number) => boolean;
}

/** How many messages are asked for at a time. */
const batch = 1_000;
/**
 * How many bytes are asked for at a time, the largest prime below 2 MiB: a server that has sent exactly so many says no
 * word of it, and no number of messages of one size is as large as that.
 */
export const pulledBytes = 2_097_143;
const askAgainAfterMs = 500;
const silenceMs = 5_000;
const utf8 = new TextEncoder();

/**
 * Pulls messages from a consumer, a bounded number of bytes at a time; a larger message comes alone.
 *
 * The consumer must be new. Settles when there are no more or enough. Throws `bus_away` when one was lost before that.
 */
export function pull(connection: Connection, pulled: Pulled): Promise<void> {
  return pulled.most <= 0 ? Promise.resolve() : new Pull(connection, pulled).run();
}

class Pull {
  readonly #connection: Connection;
  readonly #pulled: Pulled;
  readonly #inbox: string;
  readonly #end = Promise.withResolvers<void>();
  #isOver = false;
  #count = 0;
  /** What was asked for last: the inbox of its answer, how many messages are still to come of it, and how many came. */
  #asked = { reply: "", left: 0, came: 0 };
  #asks = 0;
  /** Whether the server has just said that there is nothing more, though it counted more. */
  #isDoubted = false;
  #silentForMs = 0;
  #stopWaiting: Stop = () => {};

  constructor(connection: Connection, pulled: Pulled) {
    this.#connection = connection;
    this.#pulled = pulled;
    this.#inbox = connection.inbox();
  }

  async run(): Promise<void> {
    const stops = [
      this.#connection.subscribe(`${this.#inbox}.*`, (message) => this.#take(message)),
      this.#connection.onState(() => this.#lose()),
    ];
    this.#ask();
    try {
      await this.#end.promise;
    } finally {
      this.#stopWaiting();
      for (const stop of stops) stop();
    }
  }

  #ask(size: "bounded" | "one" = "bounded"): void {
    const { stream, consumer, most } = this.#pulled;
    const count = size === "one" ? 1 : Math.min(batch, most - this.#count);
    this.#asks += 1;
    const reply = `${this.#inbox}.${this.#asks}`;
    this.#asked = { reply, left: count, came: 0 };
    const terms = { batch: count, no_wait: true, ...(size === "bounded" && { max_bytes: pulledBytes }) };
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`;
    this.#connection.ask(subject, reply, utf8.encode(JSON.stringify(terms)));
    this.#wait(askAgainAfterMs);
  }

  #take(message: Msg): void {
    if (this.#isOver) return;
    this.#silentForMs = 0;
    if (isDelivery(message.reply)) this.#deliver(message, message.reply);
    else if (message.subject === this.#asked.reply) this.#turn(message);
  }

  #deliver(message: Msg, reply: string): void {
    const { position, delivery, atMs, behind } = parseReceipt(reply);
    this.#isDoubted = false;
    this.#count += 1;
    if (delivery !== this.#count) return this.#lose();
    this.#asked.left -= 1;
    this.#asked.came += 1;
    try {
      const isEnough = this.#pulled.hear({ subject: message.subject, data: message.data, position, atMs }, behind);
      if (isEnough || behind === 0 || this.#count >= this.#pulled.most) return this.#finish();
    } catch (thrown) {
      return this.#fail(thrown);
    }
    if (this.#asked.left <= 0) this.#ask();
    else this.#wait(askAgainAfterMs);
  }

  /** The server ends the last request before so many messages have come; the end of an earlier one says nothing. */
  #turn({ headers }: Msg): void {
    const { code = 0, description = "" } = headers ?? {};
    if (code === 409 && /maxbytes/i.test(description)) return this.#ask(this.#asked.came === 0 ? "one" : "bounded");
    if (code !== 404 && code !== 408) return this.#lose();
    // Retention may have removed what was counted. It is also what some versions say while an earlier request is served.
    if (this.#isDoubted) return this.#finish();
    this.#isDoubted = true;
    this.#wait(askAgainAfterMs);
  }

  /** Silence for a while means that a request has ended, or was lost. */
  #wait(ms: number): void {
    this.#stopWaiting();
    this.#stopWaiting = this.#connection.clock.after(ms, () => {
      this.#silentForMs += ms;
      if (this.#silentForMs >= silenceMs) return this.#lose();
      this.#ask();
      this.#wait(Math.max(ms, this.#silentForMs));
    });
  }

  #lose(): void {
    this.#fail(new Failure("bus_away", "The bus went away before everything was read"));
  }

  #fail(thrown: unknown): void {
    this.#isOver = true;
    this.#end.reject(thrown);
  }

  #finish(): void {
    this.#isOver = true;
    this.#end.resolve();
  }
}
