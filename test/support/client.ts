import { type IncomingMessage, request } from "node:http";
import { elementsOf } from "../../src/protocol/elements.ts";

/** A frame as a test reads it. */
export type Seen = { type: string; cursor?: string } & Record<string, unknown>;

/** How a connection ended: the close code of a WebSocket, the HTTP status of a refusal, or 0 for the end of a response. */
export interface Ended {
  readonly code: number;
}

export type Transport = "ws" | "sse" | "poll";

export const transports: readonly Transport[] = ["ws", "sse", "poll"];

/** A client of one stream that keeps every frame as the bytes that came, except pings and pongs. */
export class Client implements Disposable {
  readonly raw: string[] = [];
  readonly ended: Promise<Ended>;
  readonly #end: (ended: Ended) => void;
  readonly #listeners = new Set<() => void>();
  #close: () => void = () => {};
  #send: (text: string) => void = () => {};
  #isEnded = false;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<Ended>();
    this.ended = promise;
    this.#end = resolve;
  }

  get frames(): Seen[] {
    return this.raw.map((json) => JSON.parse(json) as Seen);
  }

  /** The cursor that a reconnect would give. */
  get cursor(): string | undefined {
    return this.frames.findLast(({ cursor }) => cursor !== undefined)?.cursor;
  }

  /** Settles when the frames so far satisfy `isEnough`, and gives them. */
  async until(isEnough: (frames: Seen[]) => boolean): Promise<Seen[]> {
    while (!isEnough(this.frames)) {
      if (this.#isEnded) throw new Error(`It ended after ${this.raw.length} frames: ${this.raw.slice(-3).join(" ")}`);
      await new Promise<void>((resolve) => this.#listeners.add(resolve));
      this.#listeners.clear();
    }
    return this.frames;
  }

  /** Settles when there are `count` frames, and gives them. */
  count(count: number): Promise<Seen[]> {
    return this.until(() => this.raw.length >= count);
  }

  /** The connection below tells what it sees. */
  attach(close: () => void, send: (text: string) => void = () => {}): void {
    this.#close = close;
    this.#send = send;
  }

  /** Says something, over WebSocket. */
  send(message: unknown): void {
    this.#send(JSON.stringify(message));
  }

  see(json: string): void {
    if (json.startsWith('{"type":"ping"') || json.startsWith('{"type":"pong"')) return;
    this.raw.push(json);
    this.#wake();
  }

  finish(ended: Ended): void {
    this.#isEnded = true;
    this.#end(ended);
    this.#wake();
  }

  close(): void {
    this.#close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #wake(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** Follows a stream, given as `instances?include_archived=true`, over a transport; as the bearer of a token when one is given. */
export function follow(transport: Transport, url: string, stream: string, token?: string): Client {
  const client = new Client();
  openers[transport](client, { url, stream, token });
  return client;
}

interface Target {
  readonly url: string;
  readonly stream: string;
  readonly token: string | undefined;
}

function headersOf({ token }: Target): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

const openers: Record<Transport, (client: Client, target: Target) => void> = {
  ws: openWebSocket,
  sse: openEventStream,
  poll: startPolling,
};

function openWebSocket(client: Client, { url, stream, token }: Target): void {
  const socket = new WebSocket(
    `${url.replace("http", "ws")}/ws/${stream}`,
    token === undefined ? [] : ["token", token],
  );
  socket.onmessage = ({ data }) => client.see(String(data));
  socket.onclose = ({ code }) => client.finish({ code });
  client.attach(
    () => socket.close(),
    (text) => socket.send(text),
  );
}

function openEventStream(client: Client, target: Target): void {
  const { url, stream } = target;
  const sent = request(`${url}/sse/${stream}`, { headers: { accept: "text/event-stream", ...headersOf(target) } });
  sent.on("response", (response) => readEvents(client, response));
  sent.on("error", () => client.finish({ code: 0 }));
  client.attach(() => sent.destroy());
  sent.end();
}

function readEvents(client: Client, response: IncomingMessage): void {
  response.setEncoding("utf8");
  let rest = "";
  response.on("data", (text: string) => {
    rest += text;
    if (response.statusCode !== 200) return;
    const events = rest.split("\n\n");
    rest = events.pop() ?? "";
    for (const event of events) {
      const data = event.split("\n").find((line) => line.startsWith("data: "));
      if (data) client.see(data.slice("data: ".length));
    }
  });
  response.on("close", () => {
    if (response.statusCode !== 200 && rest !== "") client.see(rest);
    client.finish({ code: response.statusCode === 200 ? 0 : (response.statusCode ?? 0) });
  });
}

function startPolling(client: Client, target: Target): void {
  const abort = new AbortController();
  client.attach(() => abort.abort());
  poll(client, target, abort.signal).catch(() => client.finish({ code: 0 }));
}

async function poll(client: Client, target: Target, signal: AbortSignal): Promise<void> {
  const address = new URL(`${target.url}/poll/${target.stream}`);
  for (;;) {
    const response = await fetch(address, { signal, headers: headersOf(target) });
    const text = await response.text();
    if (!response.ok) {
      client.see(text);
      return client.finish({ code: response.status });
    }
    for (const json of elementsOf(text)) client.see(json);
    address.searchParams.set("since", response.headers.get("skein-cursor") ?? "");
    address.searchParams.set("wait", "20");
  }
}
