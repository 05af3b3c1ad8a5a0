import { inBackground } from "../protocol/background.ts";
import type { Stop } from "../protocol/clock.ts";
import type { Ack, Bounds, Follower, Journal, Range, Reading, Recent } from "./bus.ts";
import { Fanout } from "./fanout.ts";
import { Past } from "./past.ts";
import { publish } from "./publish.ts";
import { Reader } from "./reader.ts";
import type { Store } from "./store.ts";
import { Underway } from "./underway.ts";

/** A journal in JetStream, read once for all its followers. */
export class NatsJournal implements Journal {
  readonly #store: Store;
  readonly #past: Past;
  readonly #underway = new Underway();
  #fanout: Fanout;
  #reader: Reader | undefined;

  constructor(store: Store) {
    this.#store = store;
    this.#past = new Past(store);
    this.#fanout = fanoutOf(store);
  }

  /** Copies the body: it leaves after this turn, and again at every attempt. */
  async append(subject: string, data: Uint8Array, id?: string): Promise<Ack> {
    const kept = this.#store.kept(subject);
    const send = () =>
      publish(this.#store, { subject: kept, data: new Uint8Array(data) }, id === undefined ? {} : { id });
    return this.#underway.add(this.#store.inFlight.writes.spend(data.length, send));
  }

  follow(follower: Follower): Stop {
    const stop = this.#fanout.join(follower);
    this.#reader ??= new Reader(this.#store, "events", this.#fanout);
    return () => {
      stop();
      if (this.#fanout.size > 0) return;
      inBackground(`ending the reading of ${this.#store.name}`, this.#rest(), this.#store.connection.onException);
    };
  }

  read(range: Range): Promise<Reading> {
    return this.#past.read(range);
  }

  recent(range: Recent): Promise<Omit<Reading, "lost">> {
    return this.#past.recent(range);
  }

  bounds(): Promise<Bounds> {
    return this.#store.bounds();
  }

  /** Stops reading after publishes under way are settled. */
  async close(): Promise<void> {
    await this.#underway.settled();
    await this.#rest();
  }

  /** Nobody follows: the next one begins at what is then the end. */
  async #rest(): Promise<void> {
    const reader = this.#reader;
    this.#reader = undefined;
    this.#fanout = fanoutOf(this.#store);
    await reader?.close();
  }
}

function fanoutOf({ name, connection }: Store): Fanout {
  return new Fanout({ store: name, rows: () => [], report: connection.onException });
}
