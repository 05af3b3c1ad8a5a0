import { type IncomingMessage, request } from "node:http";
import { WebSocket } from "ws";
import type { Ended, Seen } from "../support/client.ts";

/** A text of a connection with many streams. */
export interface Told {
  /** Undefined for what the connection says itself. */
  readonly stream: string | undefined;
  /** The frame, the very bytes. */
  readonly json: string;
  /** The `id:` of its event. */
  readonly id: string | undefined;
}

interface Target {
  readonly url: string;
  /** What an event stream names in its address, and a WebSocket subscribes to at once. */
  readonly streams?: readonly string[];
  /** The address, when it is not that of many streams. */
  readonly path?: string;
  readonly token?: string;
  /** The `id:` to go on from. */
  readonly lastEventId?: string | undefined;
}

/** A client of many streams, or of rooms, on one connection; it keeps every frame as the bytes that came. */
export class MuxClient implements Disposable {
  readonly told: Told[] = [];
  /** How many pings came; they are no part of what was told. */
  pings = 0;
  readonly ended: Promise<Ended>;
  readonly opened: Promise<void>;
  readonly #end: (ended: Ended) => void;
  readonly #open: () => void;
  readonly #listeners = new Set<() => void>();
  #isEnded = false;
  close: () => void = () => {};
  pause: () => void = () => {};
  resume: () => void = () => {};
  send: (message: unknown) => void = () => {};

  constructor() {
    const ended = Promise.withResolvers<Ended>();
    const opened = Promise.withResolvers<void>();
    this.ended = ended.promise;
    this.opened = opened.promise;
    this.#end = ended.resolve;
    this.#open = opened.resolve;
  }

  /** The `id:` of the newest event that has one. */
  get id(): string | undefined {
    return this.told.findLast(({ id }) => id !== undefined)?.id;
  }

  /** The streams that were spoken of, in order. */
  get streams(): string[] {
    return [...new Set(this.told.flatMap(({ stream }) => stream ?? []))];
  }

  /** The frames of one stream, as they came; those of the connection when none is given. */
  raw(stream?: string): string[] {
    return this.told.filter((one) => one.stream === stream).map(({ json }) => json);
  }

  frames(stream?: string): Seen[] {
    return this.raw(stream).map((json) => JSON.parse(json) as Seen);
  }

  types(stream?: string): string[] {
    return this.frames(stream).map(({ type }) => type);
  }

  /** The cursor to go on from in one stream. */
  cursor(stream: string): string | undefined {
    return this.frames(stream).findLast(({ cursor }) => cursor !== undefined)?.cursor;
  }

  /** Settles when what was told so far is enough. */
  async until(isEnough: () => boolean): Promise<void> {
    while (!isEnough()) {
      if (this.#isEnded) throw new Error(`It ended after ${this.told.length}: ${JSON.stringify(this.told.slice(-3))}`);
      await new Promise<void>((resolve) => this.#listeners.add(resolve));
    }
  }

  /** Settles when a stream has `count` frames, and gives them. */
  async count(stream: string | undefined, count: number): Promise<Seen[]> {
    await this.until(() => this.raw(stream).length >= count);
    return this.frames(stream);
  }

  see(text: string, id?: string): void {
    if (text.startsWith('{"type":"ping"')) this.pings += 1;
    else this.told.push({ ...unwrap(text), id });
    this.#wake();
  }

  begin(): void {
    this.#open();
  }

  finish(ended: Ended): void {
    this.#isEnded = true;
    this.#end(ended);
    this.#wake();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #wake(): void {
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener();
  }
}

function unwrap(text: string): Pick<Told, "stream" | "json"> {
  const parsed: { stream?: string; frame?: object } = JSON.parse(text);
  const { stream, frame } = parsed;
  if (stream === undefined || frame === undefined) return { stream: undefined, json: text };
  return { stream, json: text.slice(`{"stream":${JSON.stringify(stream)},"frame":`.length, -1) };
}

/** Follows many streams over WebSocket. */
export function muxOverWebSocket({ url, streams = [], path = "ws", token, lastEventId }: Target): MuxClient {
  const client = new MuxClient();
  const headers = lastEventId === undefined ? {} : { "last-event-id": lastEventId };
  const offered = token === undefined ? [] : ["token", token];
  const socket = new WebSocket(`${url.replace("http", "ws")}/${path}`, offered, { headers });
  client.close = () => socket.terminate();
  client.pause = () => socket.pause();
  client.resume = () => socket.resume();
  client.send = (message) => socket.send(typeof message === "string" ? message : JSON.stringify(message));
  socket.on("open", () => {
    for (const stream of streams) client.send({ type: "subscribe", stream });
    client.begin();
  });
  socket.on("message", (data) => client.see(String(data)));
  socket.on("error", () => {});
  socket.on("close", (code) => client.finish({ code }));
  return client;
}

/** Follows many streams over Server-Sent Events. */
export function muxOverEvents({ url, streams = [], path, token, lastEventId }: Target): MuxClient {
  const client = new MuxClient();
  const search = new URLSearchParams(streams.map((stream): [string, string] => ["stream", stream]));
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }),
  };
  const sent = request(`${url}/${path ?? `sse?${search}`}`, { headers });
  client.close = () => sent.destroy();
  sent.on("error", () => client.finish({ code: 0 }));
  sent.on("response", (response) => {
    client.pause = () => response.pause();
    client.resume = () => response.resume();
    readEvents(client, response);
  });
  sent.end();
  return client;
}

function readEvents(client: MuxClient, response: IncomingMessage): void {
  const { statusCode = 0 } = response;
  let rest = "";
  client.begin();
  response.setEncoding("utf8");
  response.on("error", () => {});
  response.on("data", (text: string) => {
    rest += text;
    if (statusCode !== 200) return;
    const events = rest.split("\n\n");
    rest = events.pop() ?? "";
    for (const event of events) seeEvent(client, event);
  });
  response.on("close", () => {
    if (statusCode !== 200 && rest !== "") client.see(rest);
    client.finish({ code: statusCode === 200 ? 0 : statusCode });
  });
}

function seeEvent(client: MuxClient, event: string): void {
  const lines = event.split("\n");
  const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
  const data = field("data");
  if (data !== undefined) client.see(data, field("id"));
}
