import type { Ack, Stored, Terms } from "../bus/bus.ts";
import type { Clock } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import type { InstanceRecord } from "../protocol/instance.ts";
import { parseRecord } from "./state-file.ts";

/** How a record reaches its table. */
export interface Shelf {
  readonly clock: Clock;
  readonly put: (data: Uint8Array, terms: Terms) => Promise<Ack>;
  readonly get: () => Promise<Stored | undefined>;
  /** Called when somebody deleted the record, or gave it to another node. */
  readonly lost: () => void;
}

const retryMs = 1000;
const nothing = new Uint8Array(0);

/** What this node says of an instance, and the position where the table has it. Every write expects that position. */
export class StoredRecord {
  readonly #shelf: Shelf;
  #record: InstanceRecord;
  /** Undefined until the table was read; 0 when it has none. */
  #position: number | undefined;
  #isDirty = false;
  #isLost = false;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(shelf: Shelf, record: InstanceRecord, position: number | undefined) {
    this.#shelf = shelf;
    this.#record = record;
    this.#position = position;
  }

  get record(): InstanceRecord {
    return this.#record;
  }

  get position(): number | undefined {
    return this.#position;
  }

  /** Whether it was deleted, or given to another node. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** Makes a record the present one when it is stored. Throws `conflict` when the name was taken, `bus_away` when nothing was stored. */
  commit(record: InstanceRecord): Promise<void> {
    return this.#inTurn(async () => {
      await this.#put(encode(record));
      this.#record = record;
      this.#isDirty = false;
    });
  }

  /** Deletes the record. Throws as `commit` does. */
  remove(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#put(nothing);
      this.#isLost = true;
    });
  }

  /** Makes a record the present one, and stores it as soon as that is possible. */
  note(record: InstanceRecord): void {
    this.#record = record;
    this.#isDirty = true;
    void this.#inTurn(() => this.#flush());
  }

  /** Takes notice of what the table has; undefined: nothing. What is not the truth is written again. */
  seen(stored: { readonly position: number; readonly data: Uint8Array } | undefined): void {
    void this.#inTurn(async () => {
      if (stored === undefined) {
        this.#position = 0;
        this.#isDirty = true;
      } else if (this.#position !== undefined && stored.position <= this.#position) {
        return;
      } else {
        this.#learn(stored);
      }
      await this.#flush();
    });
  }

  /** It is not in the table any more: nothing more is said about it. */
  lose(): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#shelf.lost();
  }

  /** The table begins another life: no position of the former one means anything. */
  forgetPosition(): void {
    void this.#inTurn(async () => {
      this.#position = undefined;
    });
  }

  /** Settles when nothing is being written. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#writing.then(work);
    this.#writing = done.catch(() => {});
    return done;
  }

  #learn({ position, data }: { readonly position: number; readonly data: Uint8Array }): void {
    this.#position = position;
    const stored = data.length === 0 ? undefined : parseRecord(data);
    if (data.length === 0 || (stored && stored.node !== this.#record.node)) return this.lose();
    if (stored === undefined || JSON.stringify(stored) !== JSON.stringify(this.#record)) this.#isDirty = true;
  }

  async #flush(): Promise<void> {
    while (this.#isDirty && !this.#isLost && this.#position !== undefined) {
      const record = this.#record;
      try {
        await this.#put(encode(record));
        this.#isDirty = this.#record !== record;
      } catch {
        this.#shelf.clock.after(retryMs, () => void this.#inTurn(() => this.#flush()));
        return;
      }
    }
  }

  /** Puts where the record stands. After a lost race it looks who won: a gateway that did not hear of us gives way. */
  async #put(data: Uint8Array): Promise<void> {
    for (let races = 0; ; races++) {
      if (this.#isLost) throw new Failure("instance_not_found", `There is no instance "${this.#record.name}" any more`);
      try {
        const ack = await this.#shelf.put(data, { expected: this.#position ?? 0 });
        this.#position = ack.position;
        return;
      } catch (thrown) {
        const failure = Failure.from(thrown);
        if (failure.code !== "conflict" || races === 3 || this.#position === 0) throw failure;
        await this.#reread();
      }
    }
  }

  async #reread(): Promise<void> {
    const stored = await this.#shelf.get();
    if (stored) this.#learn(stored);
    else this.lose();
  }
}

function encode(record: InstanceRecord): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(record));
}
