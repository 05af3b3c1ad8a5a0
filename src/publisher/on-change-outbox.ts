import { type Clock, systemClock } from "../protocol/clock.ts";

/** Where something is published: a subject below the org (`instances.agent-1`), or one made of names (`["runs", "r/1"]`). */
export type Place = string | readonly string[];

/** What takes what is to be published: the publisher of this package, or anything else that can. */
export interface ChangePublisher {
  /** Publishes a JSON object; settles when it is stored. */
  publish(place: Place, body: object): Promise<unknown>;
  /** Deletes a row of a table of the bus; settles when that is stored. */
  remove?(place: Place): Promise<unknown>;
}

const defaultPatienceMs = 10_000;
const mostWaiting = 10_000;

/** Something to publish, and whom to tell when that fails. */
interface Item {
  readonly place: Place;
  /** Null deletes. */
  readonly body: object | null;
  /** In milliseconds. Default: 10 s. */
  readonly patienceMs?: number;
  readonly report: (fault: Error) => void;
}

/**
 * Publishes one thing after the other, so that the newest word about a row is the last one.
 *
 * At most 10,000 wait; then the oldest is given up. A publish that takes too long is not waited for any longer.
 */
class ChangeOutbox {
  readonly #publisher: ChangePublisher;
  readonly #clock: Clock;
  readonly #waiting: Item[] = [];
  #lost = 0;
  #working: Promise<void> | undefined;

  constructor(publisher: ChangePublisher, clock: Clock) {
    this.#publisher = publisher;
    this.#clock = clock;
  }

  /** Settles when nothing waits any more. */
  get settled(): Promise<void> {
    return this.#working ?? Promise.resolve();
  }

  /** Takes something to publish. Returns at once. */
  add(item: Item): void {
    this.#waiting.push(item);
    if (this.#waiting.length > mostWaiting) this.#giveUp();
    this.#working ??= this.#work();
  }

  #giveUp(): void {
    const oldest = this.#waiting.shift();
    this.#lost++;
    // Once is enough until there is room again.
    if (this.#lost === 1) oldest?.report(new Error(`More than ${mostWaiting} changes wait; the oldest are given up`));
  }

  async #work(): Promise<void> {
    // Not within the write that has caused it.
    await Promise.resolve();
    for (let item = this.#waiting.shift(); item; item = this.#waiting.shift()) {
      try {
        await this.#publish(item);
      } catch (error) {
        const place = typeof item.place === "string" ? item.place : item.place.join(".");
        item.report(new Error(`${place} is not known to be published`, { cause: error }));
      }
      if (this.#lost > 0 && this.#waiting.length === 0) {
        item.report(new Error(`${this.#lost} changes were given up`));
        this.#lost = 0;
      }
    }
    this.#working = undefined;
  }

  #publish({ place, body, patienceMs = defaultPatienceMs }: Item): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const ended = body === null ? this.#remove(place) : this.#publisher.publish(place, body);
      const stop = this.#clock.after(patienceMs, () => reject(new Error(`No answer within ${patienceMs} ms`)));
      ended.finally(stop).then(resolve, reject);
    });
  }

  #remove(place: Place): Promise<unknown> {
    return this.#publisher.remove?.(place) ?? Promise.reject(new Error("The publisher has no method remove"));
  }
}

const outboxes = new WeakMap<ChangePublisher, ChangeOutbox>();

/** The one outbox of a publisher: what several rules publish through it keeps its order. */
export function outboxOf(publisher: ChangePublisher): ChangeOutbox {
  const outbox = outboxes.get(publisher) ?? new ChangeOutbox(publisher, systemClock);
  outboxes.set(publisher, outbox);
  return outbox;
}

/** Settles when everything that was to be published through this publisher so far is, or was given up. */
export function changesPublished(publisher: ChangePublisher): Promise<void> {
  return outboxOf(publisher).settled;
}
