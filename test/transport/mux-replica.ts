import { type MuxClient, muxOverEvents, muxOverWebSocket, type Told } from "./mux-client.ts";

export interface Wanted {
  readonly transport: "ws" | "sse";
  readonly streams: readonly string[];
  /** The rooms that the stream `tasks` is to have. */
  readonly rooms: readonly string[];
  readonly token: string;
}

/** One client of many streams that is cut and comes back: all that it was ever told, as if it had been one connection. */
export class MuxReplica {
  readonly #wanted: Wanted;
  /** What was told on connections that are over; a cut may have lost the last of it. */
  readonly #past: Told[] = [];
  #client: MuxClient | undefined;

  constructor(wanted: Wanted) {
    this.#wanted = wanted;
  }

  get told(): readonly Told[] {
    return [...this.#past, ...(this.#client?.told ?? [])];
  }

  /** What each stream and room has said, the confirmations of the connection left out. */
  heard(stream: string): string[] {
    const [, room] = /^tasks\/(.*)$/.exec(stream) ?? [];
    const all = this.told.filter((one) => nameOf(one.stream ?? "") === (room === undefined ? stream : "tasks"));
    const own = room === undefined ? all : all.filter(({ json }) => JSON.parse(json).instance_id === room);
    return own.map(({ json }) => json).filter((json) => !/^\{"type":"(?:resumed|unsubscribed)"/.test(json));
  }

  /** Settles when every stream and room has begun. */
  async connect(url: string): Promise<void> {
    const { transport, streams, rooms } = this.#wanted;
    const client = transport === "ws" ? this.#overWebSocket(url) : this.#overEvents(url);
    this.#client = client;
    await client.opened;
    const names = [...streams.filter((stream) => stream !== "tasks"), ...rooms.map((room) => `tasks/${room}`)];
    const begun = () => new Set(client.told.map(placeOf));
    await client.until(() => names.every((name) => begun().has(name)));
  }

  /** Cuts the connection; the last `lost` texts never arrived. */
  cut(lost: number): void {
    const told = this.#client?.told ?? [];
    this.#past.push(...told.slice(0, Math.max(0, told.length - lost)));
    this.#client?.close();
    this.#client = undefined;
  }

  #overEvents(url: string): MuxClient {
    const { streams, rooms, token } = this.#wanted;
    const search = new URLSearchParams(rooms.map((room): [string, string] => ["instance_id", room]));
    const named = streams.map((stream) => (stream === "tasks" ? `tasks?${search}` : stream));
    const id = this.#past.findLast((one) => one.id !== undefined)?.id;
    // Whoever comes back may ask in another order.
    const asked = this.#past.length % 2 === 0 ? named : named.toReversed();
    return muxOverEvents({ url, streams: asked, token, lastEventId: id });
  }

  #overWebSocket(url: string): MuxClient {
    const { streams, rooms, token } = this.#wanted;
    const client = muxOverWebSocket({ url, token });
    client.opened.then(() => {
      for (const stream of streams) client.send({ type: "subscribe", stream, since: this.#cursor(stream) });
      for (const instance_id of rooms) {
        const since = this.#cursor(`tasks/${instance_id}`);
        client.send({ type: "subscribe_instance", stream: "tasks", instance_id, since });
      }
    });
    return client;
  }

  #cursor(place: string): string | undefined {
    const frames = this.#past.filter((one) => placeOf(one) === place).map(({ json }) => JSON.parse(json));
    return frames.findLast(({ cursor }) => cursor !== undefined)?.cursor;
  }
}

/** A stream as the test calls it: the rooms in its address left out. */
function nameOf(stream: string): string {
  return stream.replace(/^tasks\?.*/, "tasks");
}

/** What a text speaks of: a stream, or a room of `tasks`. */
function placeOf({ stream = "", json }: Told): string {
  const name = nameOf(stream);
  return name === "tasks" ? `tasks/${JSON.parse(json).instance_id}` : name;
}
