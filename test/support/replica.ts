import type { Channel } from "../../src/hub/channel.ts";
import type { Session } from "../../src/hub/session.ts";
import type { Sink } from "../../src/hub/sink.ts";
import type { Batch } from "../../src/protocol/batch.ts";
import { isAfter, parseCursor } from "../../src/protocol/cursor.ts";
import type { ClientMessage } from "../../src/protocol/message.ts";
import type { Seen } from "./client.ts";

/** A client that applies every frame to what it knows, over a socket that can stall and be cut. */
export abstract class Replica implements Sink {
  readonly faults: string[] = [];
  query: unknown;
  cursor: string | undefined;
  isConnected = false;
  readonly #findChannel: () => Channel;
  #session: Session | undefined;
  #isStalled = false;
  #inFlight: Batch[] = [];

  constructor(findChannel: () => Channel, query: unknown) {
    this.#findChannel = findChannel;
    this.query = query;
  }

  /** Connects, from the last cursor when there is one. */
  async connect(): Promise<void> {
    if (this.isConnected) return;
    this.isConnected = true;
    const channel = this.#findChannel();
    const opening = await channel.open({ query: this.query, scope: undefined }, this.cursor);
    this.#session = channel.join({ query: this.query, scope: undefined }, this);
    this.#session.begin(opening);
  }

  /** Loses the connection and with it what was under way. */
  cut(): void {
    this.#session?.gone();
    this.#session = undefined;
    this.#inFlight = [];
    this.#isStalled = false;
    this.isConnected = false;
  }

  stall(): void {
    this.#isStalled = true;
  }

  /** Reads again: first what was under way. */
  drain(): void {
    this.#isStalled = false;
    for (const batch of this.#inFlight.splice(0)) this.#take(batch);
    this.#session?.drained();
  }

  say(message: ClientMessage): boolean {
    this.#session?.receive(message);
    return this.#session !== undefined;
  }

  write(batch: Batch): boolean {
    if (this.#isStalled) this.#inFlight.push(batch);
    else this.#take(batch);
    return !this.#isStalled;
  }

  /** Only a client that reads nothing is ended here. */
  end(): void {
    if (!this.#isStalled) this.faults.push("ended");
    this.cut();
  }

  pendingBytes(): number {
    return this.#inFlight.length;
  }

  /** Applies one frame. */
  abstract apply(frame: Seen): void;

  #take({ frames }: Batch): void {
    for (const { json } of frames) {
      const frame = JSON.parse(json) as Seen;
      this.#follow(frame);
      this.apply(frame);
    }
  }

  /** Cursors go forward, but for a snapshot's. */
  #follow({ type, cursor: text }: Seen): void {
    const cursor = text === undefined ? undefined : parseCursor(text);
    const before = this.cursor === undefined ? undefined : parseCursor(this.cursor);
    if (!cursor) return;
    const isForward = !before || isAfter(cursor, before);
    if (!isForward && type !== "snapshot" && type !== "resumed")
      this.faults.push(`${type} ${text} after ${this.cursor}`);
    this.cursor = text;
  }
}

/** Knows the fleet. */
export class FleetReplica extends Replica {
  rows = new Map<string, Seen>();
  includesArchived = false;

  apply(frame: Seen): void {
    const name = String(frame.name);
    const known = this.rows.get(name);
    const { type, cursor: _cursor, timestamp: _timestamp, ...fields } = frame;
    switch (type) {
      case "snapshot":
        this.rows = new Map((frame.instances as Seen[]).map((row) => [String(row.name), row]));
        this.includesArchived = frame.include_archived === true;
        return;
      case "resumed":
        return;
      case "instance_created":
        if (known) this.faults.push(`created twice: ${name}`);
        break;
      case "instance_deleted":
        if (!this.rows.delete(name)) this.faults.push(`deleted but not known: ${name}`);
        return;
      case "instance_unarchived":
        if (known && !this.includesArchived) this.faults.push(`unarchived but known: ${name}`);
        break;
      default:
        if (!known) this.faults.push(`${type} but not known: ${name}`);
    }
    if (type === "instance_archived" && !this.includesArchived) this.rows.delete(name);
    else this.rows.set(name, { ...known, ...fields } as Seen);
  }
}

/** Knows a list of numbered events. */
export class ListReplica extends Replica {
  numbers: number[] = [];
  #toCome: number | undefined;

  apply(frame: Seen): void {
    if (frame.type === "snapshot") {
      this.#expectNone();
      const recent = (frame.recent_events ?? []) as { detail: string }[];
      this.numbers = recent.map(({ detail }) => Number(detail));
      this.#toCome = frame.count as number | undefined;
    } else if (frame.type === "resumed") {
      this.#toCome = frame.replayed as number;
    } else {
      if (this.#toCome) this.#toCome -= 1;
      this.numbers.push(Number(frame.n ?? frame.detail));
    }
  }

  override cut(): void {
    super.cut();
    this.#toCome = undefined;
  }

  /** A snapshot may replace one that was never finished, but what was promised must come before the end. */
  #expectNone(): void {
    this.#toCome = undefined;
  }

  /** How many frames were promised and have not come. */
  get missing(): number {
    return this.#toCome ?? 0;
  }
}
