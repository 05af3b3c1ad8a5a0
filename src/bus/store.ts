import { createHash } from "node:crypto";
import type { Bounds, Stored, StoreSpec, TableSpec } from "./bus.ts";
import type { Connection } from "./connection.ts";
import { keptSubject, subjectPattern } from "./grammar.ts";
import type { InFlight } from "./in-flight.ts";
import { call, isError, type StoredMessage, type StreamInfo } from "./jetstream.ts";
import type { Newest } from "./publish.ts";

/** A stream's configuration in JetStream's own words. Durations are in nanoseconds. */
export type StreamConfig = Readonly<Record<string, unknown>>;

const idsKeptMs = 5 * 60_000;

/** What the stream of a store is called. */
export function streamName(store: string): string {
  return `SKEIN_${store.toUpperCase().replace(/[^A-Z0-9_-]/g, "_")}`;
}

/** Everything both kinds of store have in common. None is ever purged: what it keeps ends by its age or by a newer value. */
function baseConfig({ name, subjects }: StoreSpec): StreamConfig {
  return {
    name: streamName(name),
    subjects: subjects.map(subjectPattern),
    retention: "limits",
    storage: "file",
    discard: "old",
    num_replicas: 1,
    deny_purge: true,
  };
}

/**
 * Keeps the last message of every subject, for good or for `keepMs`. Messages may be deleted: that is how the trace of a
 * deleted row goes.
 */
export function tableConfig({ keepMs, ...spec }: TableSpec): StreamConfig {
  return {
    ...baseConfig(spec),
    max_msgs_per_subject: 1,
    max_age: (keepMs ?? 0) * 1e6,
    allow_direct: true,
    deny_delete: false,
    duplicate_window: windowOf(keepMs),
  };
}

/** Keeps every message for `keepMs`. */
export function journalConfig(spec: StoreSpec, keepMs: number): StreamConfig {
  return {
    ...baseConfig(spec),
    max_msgs_per_subject: -1,
    max_age: keepMs * 1e6,
    allow_direct: false,
    deny_delete: true,
    duplicate_window: windowOf(keepMs),
  };
}

/** JetStream does not remember ids for longer than messages. */
function windowOf(keepMs = Number.POSITIVE_INFINITY): number {
  return Math.min(idsKeptMs, keepMs) * 1e6;
}

/**
 * What to do when a stream that exists says otherwise; fields that are not here are the operator's business. JetStream lets
 * what is to be tightened be turned on, never off.
 */
const differences: Record<string, "update" | "tighten" | "refuse"> = {
  subjects: "update",
  max_age: "update",
  duplicate_window: "update",
  deny_purge: "tighten",
  deny_delete: "tighten",
  max_msgs_per_subject: "refuse",
  retention: "refuse",
  storage: "refuse",
  discard: "refuse",
};

/** One stream of JetStream, made again should the server have lost it. */
export class Store {
  readonly connection: Connection;
  readonly inFlight: InFlight;
  readonly name: string;
  readonly #config: StreamConfig;
  readonly #subjects: readonly string[];
  #created = "";
  #lostAt: number | undefined;

  constructor(connection: Connection, config: StreamConfig, inFlight: InFlight) {
    this.connection = connection;
    this.inFlight = inFlight;
    this.name = String(config.name);
    this.#config = config;
    this.#subjects = subjectsOf(config);
  }

  /** Creates the stream if absent and brings it in line. Throws an Error that names a field which cannot be. */
  async open(): Promise<void> {
    const info = await this.info();
    const wrong = this.#different(info.config);
    if (wrong.length === 0) return;
    for (const field of wrong) if (!this.#mayChange(field)) throw this.#mismatch(field, info.config);
    const updated = await this.#api<StreamInfo>("STREAM.UPDATE", { ...info.config, ...pick(this.#config, wrong) });
    for (const field of this.#different(updated.config)) throw this.#mismatch(field, updated.config);
  }

  /** How the stream is now; created if absent. Throws `bus_away`. */
  async info(): Promise<StreamInfo> {
    const info = await this.#found();
    if (info.created !== this.#created) this.#lostAt = undefined;
    this.#created = info.created;
    return info;
  }

  /** What is stored now. */
  async bounds(): Promise<Bounds> {
    const info = await this.info();
    const { first_seq, last_seq } = info.state;
    return { epoch: this.epoch(info), first: Math.max(first_seq, 1), last: last_seq };
  }

  /** The name of this life of the stream: another one after it was deleted, wiped or found to have lost its end. */
  epoch({ created }: StreamInfo): string {
    const life = [this.name, created, this.#lostAt ?? ""].join(" ");
    const digest = createHash("sha256").update(life).digest();
    return digest.readUIntBE(0, 6).toString(36).padStart(10, "0");
  }

  /**
   * Notes that the stream ends before a position that was read from it: the server lost what it had not yet synced, and
   * will give these positions again to other messages.
   *
   * JetStream keeps `created` through that, so where it now ends goes into the epoch: every process that had read further
   * and looks before new messages come finds the same name. One that starts later cannot know; cursors of theirs then
   * mean `expired` to each other, never a silent gap among those who saw the loss.
   */
  noteLoss(last: number): void {
    this.#lostAt = last;
  }

  /** The newest message of a subject, or undefined when there is none. */
  async newest(subject: string): Promise<Newest | undefined> {
    try {
      const last = { last_by_subj: subject };
      const { message } = await this.inFlight.gets.pass(() => this.#api<StoredMessage>("STREAM.MSG.GET", last));
      const { seq, data = "", time, hdrs = "" } = message;
      const stored: Stored = {
        subject: message.subject,
        position: seq,
        data: fromBase64(data),
        atMs: Date.parse(time),
      };
      return { stored, id: /^Nats-Msg-Id: *(.*?)\r$/im.exec(Buffer.from(hdrs, "base64").toString())?.[1] };
    } catch (thrown) {
      if (isError(thrown, "noMessage") || isError(thrown, "noStream")) return undefined;
      throw thrown;
    }
  }

  /** Removes one message and nothing else: unlike a purge, no reader of NATS 2.9 loses its place by that. */
  async remove(position: number): Promise<void> {
    await this.#api("STREAM.MSG.DELETE", { seq: position, no_erase: true });
  }

  /** The subject itself when this store keeps it. Throws `bad_request` or `unknown_subject`. */
  kept(subject: string): string {
    return keptSubject(this.#subjects, subject);
  }

  async #found(): Promise<StreamInfo> {
    const known = await this.#known();
    if (known) return known;
    try {
      return await this.#api<StreamInfo>("STREAM.CREATE", this.#config);
    } catch (thrown) {
      // Another process may create it at the same moment; the server then refuses one of the two as an overlap.
      const rival = await this.#known();
      if (rival) return rival;
      throw thrown;
    }
  }

  async #known(): Promise<StreamInfo | undefined> {
    try {
      return await this.#api<StreamInfo>("STREAM.INFO");
    } catch (thrown) {
      if (isError(thrown, "noStream")) return undefined;
      throw thrown;
    }
  }

  #api<Answer>(verb: string, body?: object): Promise<Answer> {
    return call<Answer>(this.connection, `${verb}.${this.name}`, body);
  }

  #different(found: StreamConfig): string[] {
    return Object.keys(differences).filter((field) => !isSame(this.#config[field], found[field]));
  }

  #mayChange(field: string): boolean {
    const change = differences[field];
    return change === "update" || (change === "tighten" && this.#config[field] === true);
  }

  #mismatch(field: string, found: StreamConfig): Error {
    const [has, wants] = [JSON.stringify(found[field]), JSON.stringify(this.#config[field])];
    return new Error(
      `The stream ${this.name} exists with ${field} ${has}, and ${wants} is needed: change or delete it`,
    );
  }
}

function subjectsOf({ subjects }: StreamConfig): string[] {
  return Array.isArray(subjects) ? subjects.map(String) : [];
}

function pick(config: StreamConfig, fields: readonly string[]): StreamConfig {
  return Object.fromEntries(fields.map((field) => [field, config[field]]));
}

/** The order of subjects means nothing. */
function isSame(one: unknown, other: unknown): boolean {
  const plain = (value: unknown) => JSON.stringify(Array.isArray(value) ? value.toSorted() : value);
  return plain(one) === plain(other);
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64"));
}
