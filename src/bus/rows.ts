import type { Msg } from "nats";
import type { Stop } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import type { Ack, Rows, Said, Stored, StoreSpec, Terms } from "./bus.ts";
import type { Connection } from "./connection.ts";
import { keptSubject, subjectPattern } from "./grammar.ts";
import { type Newest, publish, type Target } from "./publish.ts";
import { streamName } from "./store.ts";
import type { Underway } from "./underway.ts";

/** While there is no such stream, a direct get is not refused: it goes unanswered. */
const timeoutMs = 2_000;
const notFound = 404;

/**
 * Rows of a table in JetStream by direct get and acknowledged publishes, and nothing else of its API.
 *
 * What a NATS user needs: to publish the rows' subjects and `$JS.API.DIRECT.GET.<stream>.<subject>`, and to subscribe to
 * the subjects it watches.
 */
export class NatsRows implements Rows, Target {
  readonly connection: Connection;
  readonly name: string;
  readonly #subjects: readonly string[];
  readonly #underway: Underway;

  constructor(connection: Connection, { name, subjects }: StoreSpec, underway: Underway) {
    this.connection = connection;
    this.name = streamName(name);
    this.#subjects = subjects.map(subjectPattern);
    this.#underway = underway;
  }

  async put(subject: string, data: Uint8Array, terms: Terms = {}): Promise<Ack> {
    const said = { subject: keptSubject(this.#subjects, subject), data: new Uint8Array(data) };
    return this.#underway.add(publish(this, said, terms));
  }

  async get(subject: string): Promise<Stored | undefined> {
    const newest = await this.newest(keptSubject(this.#subjects, subject));
    return newest?.stored.data.length ? newest.stored : undefined;
  }

  watch(pattern: string, listener: (message: Said) => void): Stop {
    return this.connection.subscribe(subjectPattern(pattern), ({ subject, data }) => listener({ subject, data }));
  }

  async newest(subject: string): Promise<Newest | undefined> {
    const message = await this.#ask(`$JS.API.DIRECT.GET.${this.name}.${subject}`);
    const { headers } = message;
    if (headers?.code === notFound) return undefined;
    const position = Number(headers?.get("Nats-Sequence"));
    const atMs = Date.parse(headers?.get("Nats-Time-Stamp") ?? "");
    const isAnswer = headers?.get("Nats-Subject") === subject && Number.isSafeInteger(position) && position > 0;
    if (!isAnswer) throw new Failure("bus_away", `NATS did not give the row on ${subject}`);
    const data = new Uint8Array(message.data);
    return { stored: { subject, position, data, atMs }, id: headers?.get("Nats-Msg-Id") || undefined };
  }

  /** The table is not for this client to make: it waits for a gateway. */
  async open(): Promise<void> {}

  async #ask(subject: string): Promise<Msg> {
    try {
      return await this.connection.request(subject, { timeoutMs });
    } catch (thrown) {
      const isSilent = thrown instanceof Failure && ["no_responder", "bus_away"].includes(thrown.code);
      if (!isSilent || this.connection.state === "away") throw thrown;
      throw new Failure("bus_away", "NATS does not give the row; if the table is not there yet, a gateway makes it");
    }
  }
}
