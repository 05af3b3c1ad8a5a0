import type { Msg } from "nats";
import { inBackground } from "../protocol/background.ts";
import { pauseApart, type Stop } from "../protocol/clock.ts";
import type { Follower, Stored } from "./bus.ts";
import { type ConsumerInfo, call, isDelivery, parseReceipt, type StreamInfo } from "./jetstream.ts";
import { pull } from "./pull.ts";
import type { Store } from "./store.ts";

/** What is read at every opening: the last value of every subject, which a table has once, or the events not read yet. */
export type Reads = "values" | "events";

const heartbeatMs = 1_000;
const silenceMs = 3 * heartbeatMs;
const retryAfterMs = 100;
const retryAtMostAfterMs = 3_000;

/** What every consumer of a reader has in common. Durations are in nanoseconds. */
const consumer = {
  ack_policy: "none",
  replay_policy: "instant",
  mem_storage: true,
  num_replicas: 1,
  inactive_threshold: 30_000 * 1e6,
  deliver_policy: "by_start_sequence",
} as const;

/** What one has besides that is pushed from. */
const pushed = { max_deliver: 1, idle_heartbeat: heartbeatMs * 1e6, flow_control: true } as const;

/** The largest stream that is pushed from its beginning: of a larger one, what is there already is pulled. */
const pushedBytesMax = 256 * 1024;

/**
 * Reads one stream in order, through anything that may happen to the connection or the server.
 *
 * What is stored already it pulls, a bounded number of bytes at a time: a push consumer sends up to 32 MB ahead, and
 * several of them more than a server keeps for a connection, which it then cuts off. What comes from then on it reads
 * through an ephemeral push consumer that it trusts only as long as deliveries are counted without a hole and
 * heartbeats agree with the count. After any doubt, and after every reconnect, it makes a new one: for values from their
 * beginning, for events from where it stands. (Messages on their way when a connection broke are never sent again, and
 * the server says nothing.)
 */
export class Reader {
  readonly #store: Store;
  readonly #reads: Reads;
  readonly #follower: Follower;
  readonly #stops: readonly Stop[];
  /** Counts the openings; what belongs to an earlier one is not listened to. */
  #opening = 0;
  #name: string | undefined;
  #stopHearing: Stop = () => {};
  /** Whether the present consumer was made, so that silence means something. */
  #attached = false;
  #epoch: string | undefined;
  #position = 0;
  /** How many deliveries the present consumer has made. */
  #deliveries = 0;
  /** Where the present reading is level, while it is not. */
  #target: number | undefined;
  #heardAtMs = 0;

  constructor(store: Store, reads: Reads, follower: Follower) {
    this.#store = store;
    this.#reads = reads;
    this.#follower = follower;
    const { connection } = store;
    this.#stops = [
      connection.onState((state) => (state === "up" ? this.#reopen() : this.#leave())),
      connection.clock.every(heartbeatMs, () => this.#listenForSilence()),
    ];
    this.#reopen();
  }

  /** Stops reading and deletes the consumer on the server. */
  async close(): Promise<void> {
    for (const stop of this.#stops) stop();
    await this.#drop();
  }

  /** Opens it anew, whatever was open before. */
  #reopen(): void {
    inBackground(`reading ${this.#store.name}`, this.#open(), this.#store.connection.onException);
  }

  /** Tries until it succeeds, the connection goes away, or another opening begins. */
  async #open(): Promise<void> {
    this.#leave();
    const opening = this.#opening;
    const { connection } = this.#store;
    for (let wait = retryAfterMs; ; wait = Math.min(wait * 2, retryAtMostAfterMs)) {
      try {
        return await this.#attach(opening);
      } catch {
        if (opening !== this.#opening || connection.state === "away") return;
      }
      await pauseApart(connection.clock, wait / 2);
      if (opening !== this.#opening) return;
      this.#letGo();
    }
  }

  async #attach(opening: number): Promise<void> {
    const info = await this.#store.info();
    if (opening !== this.#opening) return;
    this.#place(info);
    if (info.state.bytes > pushedBytesMax && info.state.last_seq > this.#position) {
      await this.#store.inFlight.catchUps.pass(() => this.#catchUp(opening, info.state.last_seq));
    }
    if (opening === this.#opening) await this.#listen(opening);
  }

  /** Reads what is stored up to `last`, or most of it: the rest is pushed. */
  async #catchUp(opening: number, last: number): Promise<void> {
    const isOver = () => opening !== this.#opening;
    if (isOver()) return;
    const { name: consumer } = await this.#create({});
    if (isOver()) return;
    const { connection, name: stream } = this.#store;
    const hear = (message: Stored, behind: number) => {
      if (!isOver()) this.#tell(message, behind);
      return isOver() || message.position >= last;
    };
    await pull(connection, { stream, consumer, most: Number.MAX_SAFE_INTEGER, hear });
    if (!isOver()) this.#letGo();
  }

  async #listen(opening: number): Promise<void> {
    const { connection } = this.#store;
    const inbox = connection.inbox();
    this.#deliveries = 0;
    this.#stopHearing = connection.subscribe(inbox, (message) => {
      if (opening === this.#opening) this.#hear(message);
    });
    const made = await this.#create({ ...pushed, deliver_subject: inbox });
    if (opening !== this.#opening) return;
    this.#attached = true;
    this.#heardAtMs = connection.clock.now();
    this.#confirm(made);
  }

  /** Makes a consumer of what comes after where this reading stands. */
  #create(kind: object): Promise<ConsumerInfo> {
    const { connection, name: stream } = this.#store;
    const name = `skein-${crypto.randomUUID()}`;
    this.#name = name;
    const config = { ...consumer, ...kind, name, opt_start_seq: this.#position + 1 };
    return call<ConsumerInfo>(connection, this.#verb("CREATE", name), { stream_name: stream, config });
  }

  /** Where this reading stands before it begins; tells the followers. */
  #place(info: StreamInfo): void {
    const { first_seq: first, last_seq: last } = info.state;
    // Servers before 2.11 would begin at the end then, later ones wait for that position: neither says anything.
    if (this.#store.epoch(info) === this.#epoch && this.#position > last) this.#store.noteLoss(last);
    const epoch = this.#store.epoch(info);
    const isNew = epoch !== this.#epoch;
    this.#epoch = epoch;
    if (this.#reads === "values") {
      this.#position = 0;
      this.#target = last;
      this.#follower.begin(epoch);
    } else if (isNew) {
      this.#position = last;
      this.#follower.begin(epoch);
      this.#follower.level(last);
    } else {
      this.#skip(first - 1);
    }
  }

  /** Deliveries may come before the answer that made the consumer; it adds what no delivery tells. */
  #confirm({ num_pending, delivered }: ConsumerInfo): void {
    if (delivered.consumer_seq > 0) return;
    if (this.#reads === "events") this.#skip(delivered.stream_seq);
    else if (num_pending === 0) this.#finish();
  }

  #hear(message: Msg): void {
    this.#heardAtMs = this.#store.connection.clock.now();
    if (isDelivery(message.reply)) this.#deliver(message, message.reply);
    else if (message.reply) this.#store.connection.publish(message.reply);
    else this.#beat(message);
  }

  #deliver(message: Msg, reply: string): void {
    const { position, delivery, atMs, behind } = parseReceipt(reply);
    if (delivery !== this.#deliveries + 1) return this.#reopen();
    this.#deliveries = delivery;
    this.#tell({ subject: message.subject, data: message.data, position, atMs }, behind);
    if (behind === 0) this.#finish();
  }

  #tell(message: Stored, behind: number): void {
    const { position } = message;
    if (this.#target !== undefined && position > this.#target) this.#finish();
    if (position > this.#position) {
      this.#skip(position - 1);
      this.#position = position;
      this.#follower.message(message, behind);
    }
    if (this.#target !== undefined && position >= this.#target) this.#finish();
  }

  /** A heartbeat: nothing else to deliver, unless the server waits for us. */
  #beat({ headers }: Msg): void {
    const stalled = headers?.get("Nats-Consumer-Stalled");
    if (stalled) return this.#store.connection.publish(stalled);
    if (headers?.code !== 100 || Number(headers.get("Nats-Last-Consumer")) !== this.#deliveries) return this.#reopen();
    this.#skip(Number(headers.get("Nats-Last-Stream")));
    this.#finish();
  }

  /** All events up to `position` were told or are gone: a stream of events has no other holes. */
  #skip(position: number): void {
    if (this.#reads === "values" || position <= this.#position) return;
    this.#position = position;
    this.#follower.gap(position);
  }

  #finish(): void {
    if (this.#target === undefined) return;
    this.#position = Math.max(this.#position, this.#target);
    this.#target = undefined;
    this.#follower.level(this.#position);
  }

  #listenForSilence(): void {
    if (this.#attached && this.#store.connection.clock.now() - this.#heardAtMs > silenceMs) this.#reopen();
  }

  /** Ends the present opening, if any. */
  #drop(): Promise<void> {
    this.#opening += 1;
    this.#attached = false;
    this.#target = undefined;
    return this.#release();
  }

  /** The same, and nothing waits for it. */
  #leave(): void {
    inBackground(`leaving a reading of ${this.#store.name}`, this.#drop(), this.#store.connection.onException);
  }

  /** Lets go of the present consumer, and nothing waits for it. */
  #letGo(): void {
    inBackground(`leaving a reading of ${this.#store.name}`, this.#release(), this.#store.connection.onException);
  }

  async #release(): Promise<void> {
    this.#stopHearing();
    const name = this.#name;
    this.#name = undefined;
    if (name === undefined || this.#store.connection.state === "away") return;
    // One that cannot be deleted goes away by itself after `inactive_threshold`.
    await call(this.#store.connection, this.#verb("DELETE", name)).catch(() => {});
  }

  #verb(what: string, name: string): string {
    return `CONSUMER.${what}.${this.#store.name}.${name}`;
  }
}
