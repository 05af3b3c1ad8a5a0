import { inBackground } from "../protocol/background.ts";
import type { Stop } from "../protocol/clock.ts";
import type { Ack, Bounds, Follower, Stored, Table, Terms } from "./bus.ts";
import { Fanout } from "./fanout.ts";
import { exactSubject } from "./grammar.ts";
import { publish } from "./publish.ts";
import { Reader } from "./reader.ts";
import type { Store } from "./store.ts";
import { Underway } from "./underway.ts";

/**
 * How long an empty message stays, counted from when it was read: longer than any reader may lag, or it would miss the
 * deletion.
 */
const tombstonesKeptMs = 10 * 60_000;
const reapEveryMs = 60_000;

/** A table in JetStream, read once for all its followers and held in memory while somebody follows. */
export class NatsTable implements Table {
  readonly #store: Store;
  readonly #underway = new Underway();
  #view: View | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Copies the body: it leaves after this turn, and again at every attempt. */
  async put(subject: string, data: Uint8Array, terms: Terms = {}): Promise<Ack> {
    const kept = this.#store.kept(subject);
    const send = () => publish(this.#store, { subject: kept, data: new Uint8Array(data) }, terms);
    return this.#underway.add(this.#store.inFlight.writes.spend(data.length, send));
  }

  async remove(subject: string, position: number): Promise<void> {
    const trace = await this.put(subject, new Uint8Array(0), { expected: position });
    // One that stays goes by age, or as those of other deleted values do.
    await this.#store.remove(trace.position).catch(() => {});
  }

  async get(subject: string): Promise<Stored | undefined> {
    const newest = await this.#store.newest(exactSubject(subject));
    return newest?.stored.data.length ? newest.stored : undefined;
  }

  follow(follower: Follower): Stop {
    this.#view ??= new View(this.#store);
    const view = this.#view;
    const stop = view.fanout.join(follower);
    return () => {
      stop();
      if (view.fanout.size > 0) return;
      inBackground(`ending the reading of ${this.#store.name}`, this.#rest(view), this.#store.connection.onException);
    };
  }

  bounds(): Promise<Bounds> {
    return this.#store.bounds();
  }

  /** Stops reading after publishes under way are settled. */
  async close(): Promise<void> {
    await this.#underway.settled();
    if (this.#view) await this.#rest(this.#view);
  }

  /** Nobody follows: the values are forgotten and the next one reads them anew. */
  async #rest(view: View): Promise<void> {
    if (this.#view === view) this.#view = undefined;
    await view.close();
  }
}

/** The present values of a table, while somebody follows. */
class View implements Follower {
  readonly fanout: Fanout;
  readonly #store: Store;
  readonly #values = new Map<string, Stored>();
  readonly #tombstones = new Map<string, { position: number; readAtMs: number }>();
  readonly #reader: Reader;
  readonly #stops: readonly Stop[];
  #isLevel = false;

  constructor(store: Store) {
    this.#store = store;
    const { connection } = store;
    const report = connection.onException;
    this.fanout = new Fanout({ store: store.name, rows: () => [...this.#values.values()], report });
    this.#stops = [
      connection.onState((state) => state === "away" && this.fanout.pause()),
      connection.clock.every(reapEveryMs, () => this.#reap()),
    ];
    this.#reader = new Reader(store, "values", this);
  }

  begin(epoch: string): void {
    this.#isLevel = false;
    this.#values.clear();
    this.fanout.begin(epoch);
  }

  message(message: Stored, behind: number): void {
    const { subject, position } = message;
    // A small body would keep alive all that came in the same read of the socket.
    const kept = { ...message, data: new Uint8Array(message.data) };
    const isTombstone = kept.data.length === 0;
    const wasKnown = this.#values.delete(subject);
    if (isTombstone) this.#bury(subject, position);
    else this.#tombstones.delete(subject);
    if (!isTombstone) this.#values.set(subject, kept);
    // What was deleted before this reading began is no news.
    if (!isTombstone || wasKnown || this.#isLevel) this.fanout.message(kept, behind);
  }

  level(position: number): void {
    this.#isLevel = true;
    this.fanout.level(position);
  }

  gap(position: number): void {
    this.fanout.gap(position);
  }

  async close(): Promise<void> {
    for (const stop of this.#stops) stop();
    await this.#reader.close();
  }

  /** A tombstone that is read again keeps its age. */
  #bury(subject: string, position: number): void {
    if (this.#tombstones.get(subject)?.position === position) return;
    this.#tombstones.set(subject, { position, readAtMs: this.#store.connection.clock.now() });
  }

  /** Another process may have removed it before, or may do it next. */
  #reap(): void {
    if (this.#store.connection.state === "away") return;
    const old = this.#store.connection.clock.now() - tombstonesKeptMs;
    for (const [subject, { position, readAtMs }] of this.#tombstones) {
      if (readAtMs > old) continue;
      this.#tombstones.delete(subject);
      // Another process may have been first, or the bus be away: it is read again, and there is a next time.
      this.#store.remove(position).catch(() => {});
    }
  }
}
