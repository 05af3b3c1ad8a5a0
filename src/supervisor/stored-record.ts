import type { Ack, Stored, Terms } from "../bus/bus.ts";
import type { Clock, Stop } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import type { InstanceRecord } from "../protocol/instance.ts";
import { isSameRecord, parseRecord } from "./state-file.ts";
import { detach, messageOf, type Tell } from "./trouble.ts";

/** How a record reaches its row. */
export interface Shelf {
  readonly clock: Clock;
  readonly put: (data: Uint8Array, terms: Terms) => Promise<Ack>;
  readonly get: () => Promise<Stored | undefined>;
  /** Called once, when a row of another node stands there. */
  readonly lost: (node: string) => void;
  readonly report: Tell;
}

const retryMs = 1000;
const retryAtMostMs = 30_000;
const racesMax = 3;
const nothing = new Uint8Array(0);
const text = new TextDecoder();

/**
 * What this node says of an instance, and the row where it says so. The row is an output: where it says otherwise, or is
 * not there, it is written again. One row is respected: a valid one of another node, which has the name then.
 *
 * Every write expects the position that was read, so of two nodes that want a name one wins.
 */
export class StoredRecord {
  readonly #shelf: Shelf;
  #record: InstanceRecord;
  /** Where the row stands; 0 when there is none, undefined when that is to be looked up. */
  #position: number | undefined;
  #isDirty = false;
  #isGone = false;
  #isClosed = false;
  #sent = "";
  #heardMs = Number.NEGATIVE_INFINITY;
  #retryMs = retryMs;
  #stopRetrying: Stop | undefined;
  #isTroubled = false;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(shelf: Shelf, record: InstanceRecord) {
    this.#shelf = shelf;
    this.#record = record;
  }

  get record(): InstanceRecord {
    return this.#record;
  }

  /** Whether it was deleted, or another node has the name. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /**
   * Takes the name: stores the first record of an instance.
   *
   * Throws `conflict` when the name is taken, `bus_away` when nothing was stored. A row of this very node is no obstacle:
   * it is of an earlier attempt whose acknowledgement was lost, or of an instance whose state is.
   */
  claim(record: InstanceRecord): Promise<void> {
    return this.#inTurn(async () => {
      const taken = new Failure("conflict", `${record.name} already exists; choose another name`);
      const stored = await this.#shelf.get();
      if (stored && parseRecord(stored.data)?.node !== record.node) throw taken;
      try {
        this.#position = stored?.position ?? 0;
        await this.#send(encode(record));
      } catch (thrown) {
        throw Failure.from(thrown).code === "conflict" ? taken : thrown;
      }
      this.#record = record;
    });
  }

  /** Makes a record the present one when it is stored. Throws `instance_not_found` when another node has the name, `bus_away` when nothing was stored. */
  commit(record: InstanceRecord): Promise<void> {
    return this.#inTurn(async () => {
      await this.#put(encode(record));
      this.#record = record;
      this.#isDirty = false;
    });
  }

  /** Deletes the row. Throws as `commit` does. */
  remove(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#put(nothing);
      this.#isGone = true;
    });
  }

  /** Makes a record the present one, and stores it as soon as that is possible. */
  note(record: InstanceRecord): void {
    this.#record = record;
    this.#isDirty = true;
    this.#detach(this.#inTurn(() => this.#keep(() => this.#flush())));
  }

  /** Hears what was put on the row; when that was not this node's latest word, it looks, once a second at the most. */
  heard(data: Uint8Array): void {
    if (this.#isGone || this.#isClosed || text.decode(data) === this.#sent) return;
    const nowMs = this.#shelf.clock.now();
    const wasJustHeard = nowMs - this.#heardMs < retryMs;
    if (!wasJustHeard) this.#heardMs = nowMs;
    if (!wasJustHeard) this.#detach(this.check());
    else this.#stopRetrying ??= this.#shelf.clock.after(retryMs, () => this.#detach(this.check()));
  }

  /**
   * Looks what the row says, and writes it again where that is not what this node says. False when it cannot; then it tries
   * again later.
   */
  check(): Promise<boolean> {
    return this.#inTurn(() =>
      this.#keep(async () => {
        if (this.#isGone) return;
        this.#learn(await this.#shelf.get());
        await this.#flush();
      }),
    );
  }

  /** Writes no more of its own accord. Settles when nothing is being written. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopRetrying?.();
    await this.#writing;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#writing.then(work);
    // The caller has the reason; the next in line goes on.
    this.#writing = done.catch(() => {});
    return done;
  }

  #learn(stored: Stored | undefined): void {
    this.#position = stored?.position ?? 0;
    const found = stored && parseRecord(stored.data);
    const isAnothers = found?.name === this.#record.name && found.node !== this.#record.node;
    if (isAnothers) return this.#lose(found.node);
    if (found === undefined || !isSameRecord(found, this.#record)) this.#isDirty = true;
  }

  #lose(node: string): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#shelf.lost(node);
  }

  /** Does something about the row; after a failure it looks again, later and later. */
  async #keep(work: () => Promise<void>): Promise<boolean> {
    this.#stopRetrying?.();
    this.#stopRetrying = undefined;
    try {
      await work();
      this.#retryMs = retryMs;
      this.#isTroubled = false;
      return true;
    } catch (thrown) {
      if (this.#isGone || this.#isClosed) return false;
      this.#complain(thrown);
      this.#stopRetrying = this.#shelf.clock.after(this.#retryMs, () => this.#detach(this.check()));
      this.#retryMs = Math.min(this.#retryMs * 2, retryAtMostMs);
      return false;
    }
  }

  /** A bus that is away is no news; what else is in the way is told once. */
  #complain(thrown: unknown): void {
    if (this.#isTroubled || (thrown instanceof Failure && ["bus_away", "conflict"].includes(thrown.code))) return;
    this.#isTroubled = true;
    this.#shelf.report(`The row of instance ${this.#record.name} cannot be written: ${messageOf(thrown)}`);
  }

  async #flush(): Promise<void> {
    while (this.#isDirty && !this.#isGone) {
      const record = this.#record;
      await this.#put(encode(record));
      this.#isDirty = this.#record !== record;
    }
  }

  /** Puts where the row stands. After a lost race it looks who won: a gateway that did not hear of this node gives way. */
  async #put(data: Uint8Array): Promise<void> {
    for (let races = 0; ; races++) {
      if (this.#position === undefined && !this.#isGone) this.#learn(await this.#shelf.get());
      if (this.#isGone) throw new Failure("instance_not_found", `There is no instance "${this.#record.name}" any more`);
      try {
        return await this.#send(data);
      } catch (thrown) {
        this.#position = undefined;
        if (Failure.from(thrown).code !== "conflict" || races === racesMax) throw thrown;
      }
    }
  }

  async #send(data: Uint8Array): Promise<void> {
    this.#sent = text.decode(data);
    const { position } = await this.#shelf.put(data, { expected: this.#position ?? 0 });
    this.#position = position;
  }

  #detach(work: Promise<unknown>): void {
    detach(`the row of instance ${this.#record.name}`, work, this.#shelf.report);
  }
}

function encode(record: InstanceRecord): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(record));
}
