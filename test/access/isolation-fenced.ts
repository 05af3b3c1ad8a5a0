import type { Definition } from "../../src/stream/define.ts";
import { type Client, follow, type Seen, type Transport } from "../support/client.ts";

/** Allow-lists as a token has them. */
export interface Lists {
  readonly instances?: readonly string[];
  readonly crews?: readonly string[];
}

/** Names that are on every list, so that everybody sees what has them. */
export const always = "always";

/** A row or an event as the model has it: the frame's own fields, and what of it names things. */
export interface Thing {
  readonly instances?: readonly string[];
  readonly crews?: readonly string[];
  /** What a client must know of it. */
  readonly said: string;
}

/** The simple model of an allow-list. */
export function allows(list: readonly string[] | undefined, name: string): boolean {
  return (
    list === undefined || list.some((one) => one === name || (/\*$/.test(one) && name.indexOf(one.slice(0, -1)) === 0))
  );
}

/** Whether somebody with these lists sees a thing: of each kind that it names, one at least is theirs. */
export function sees(lists: Lists, { instances = [], crews = [] }: Thing): boolean {
  const isTheirs = (names: readonly string[], list: readonly string[] | undefined) =>
    names.length === 0 || names.some((name) => allows(list, name));
  return isTheirs(instances, lists.instances) && isTheirs(crews, lists.crews);
}

/** What an org has, in each stream by its address. */
export class Truth {
  readonly #rows = new Map<string, Map<string, Thing>>();
  readonly #events = new Map<string, Thing[]>();

  put(address: string, key: string, thing: Thing | undefined): void {
    const rows = this.#rows.get(address) ?? new Map();
    this.#rows.set(address, rows);
    if (thing) rows.set(key, thing);
    else rows.delete(key);
  }

  append(address: string, thing: Thing): void {
    this.#events.set(address, [...(this.#events.get(address) ?? []), thing]);
  }

  /** What somebody with these lists must have seen at the end: of a table its rows in any order, of a feed all events in theirs. */
  seenBy(lists: Lists, { kind }: Definition, address: string): string[] {
    const things =
      kind === "table" ? [...(this.#rows.get(address)?.values() ?? [])] : (this.#events.get(address) ?? []);
    const said = things.filter((thing) => sees(lists, thing)).map((thing) => thing.said);
    return kind === "table" ? said.sort() : said;
  }
}

interface Watch {
  readonly definition: Definition;
  readonly address: string;
  readonly transport: Transport;
  readonly lists: Lists;
}

/** Somebody who follows a stream with allow-lists, is cut now and then, and keeps what the frames say. */
export class Watcher implements Disposable {
  readonly watch: Watch;
  readonly #url: string;
  readonly #token: string;
  /** Every frame that ever came. */
  readonly raw: string[] = [];
  readonly #rows = new Map<string, string>();
  #events: string[] = [];
  #client: Client | undefined;
  #taken = 0;
  #cursor: string | undefined;

  constructor(watch: Watch, { url, token }: { readonly url: string; readonly token: string }) {
    this.watch = watch;
    this.#url = url;
    this.#token = token;
    this.#connect();
  }

  get isCut(): boolean {
    return this.#client === undefined;
  }

  /** Cuts the connection, or comes back with the newest cursor. */
  turn(): void {
    if (this.#client === undefined) return this.#connect();
    this.#take(this.#client.frames, this.#client.raw);
    this.#client.close();
    this.#client = undefined;
  }

  /** Settles when it has seen what is said last. */
  async until(last: string): Promise<void> {
    if (this.#client === undefined) this.#connect();
    await this.#client?.until((frames) => JSON.stringify(frames).includes(last));
    this.#take(this.#client?.frames ?? [], this.#client?.raw ?? []);
  }

  /** What it knows: rows in any order, or events in theirs. */
  get known(): string[] {
    return this.watch.definition.kind === "table" ? [...this.#rows.values()].sort() : this.#events;
  }

  [Symbol.dispose](): void {
    this.#client?.close();
  }

  #connect(): void {
    const { transport, address } = this.watch;
    const since = this.#cursor === undefined ? "" : `?since=${this.#cursor}`;
    this.#taken = 0;
    this.#client = follow(transport, this.#url, `${address}${since}`, this.#token);
  }

  #take(frames: readonly Seen[], raw: readonly string[]): void {
    for (const frame of frames.slice(this.#taken)) this.#apply(frame);
    this.raw.push(...raw.slice(this.#taken));
    this.#taken = frames.length;
    this.#cursor = frames.findLast(({ cursor }) => cursor !== undefined)?.cursor ?? this.#cursor;
  }

  #apply(frame: Seen): void {
    if (frame.type === "snapshot") {
      this.#rows.clear();
      this.#events = [];
      const { instances, desks, steps, recent_events } = frame;
      for (const row of listOf(instances ?? desks)) this.#rows.set(String(row.name), saidBy(row));
      for (const event of listOf(steps ?? recent_events)) this.#events.push(saidBy(event));
    } else if (frame.type === "instance_deleted" || frame.type === "desk_cleared") {
      this.#rows.delete(String(frame.name));
    } else if (this.watch.definition.kind === "table" && frame.type !== "resumed") {
      this.#rows.set(String(frame.name), saidBy(frame));
    } else if (frame.type !== "resumed") this.#events.push(saidBy(frame));
  }
}

function listOf(value: unknown): readonly Record<string, unknown>[] {
  return Array.isArray(value) ? value : [];
}

/** What of a row, an event or a frame tells it from others. */
function saidBy({ status, note, message_type }: Record<string, unknown>): string {
  return String(note ?? status ?? message_type);
}
