import type { Abort, Answer, Asking, Socket, Surroundings } from "../../src/client/surroundings.ts";
import { surroundings as world } from "../../src/client/surroundings.ts";
import { ManualClock } from "../support/clock.ts";

/** A WebSocket whose other end is a test. */
export class ScriptedSocket implements Socket {
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  readonly url: string;
  readonly protocols: readonly string[];
  readonly sent: Record<string, unknown>[] = [];
  isClosed = false;
  #isOpen = false;

  constructor(url: string, protocols: readonly string[]) {
    this.url = url;
    this.protocols = protocols;
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(): void {
    this.isClosed = true;
  }

  open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.onopen?.();
  }

  /** The gateway says something; to a socket that was never open, the first word opens it. */
  say(frame: unknown): void {
    this.open();
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  /** It ends, as seen from the client. */
  end(code: number): void {
    this.onclose?.({ code });
  }
}

/** A request that a test answers. */
export interface ScriptedRequest {
  readonly url: string;
  readonly asking: Asking;
  readonly aborted: () => boolean;
  respond(answer: Answer): void;
  fail(): void;
}

/** A world that stands still until a test lets something happen in it. */
export class ScriptedWorld implements Surroundings {
  readonly clock = new ManualClock();
  readonly sockets: ScriptedSocket[] = [];
  readonly requests: ScriptedRequest[] = [];
  online = true;
  /** How long the machine slept: time that no timer has counted. */
  sleptMs = 0;
  readonly #wakers = new Set<() => void>();

  readonly now = () => this.clock.now() + this.sleptMs;
  readonly after = (ms: number, task: () => void) => this.clock.after(ms, task);
  readonly random = () => 1;
  readonly decoder = () => world.decoder();
  readonly resolve = (url: string) => new URL(url, "http://gateway.test/").href;
  readonly isOnline = () => this.online;

  abort(): Abort {
    return new AbortController();
  }

  socket(url: string, protocols: string[]): Socket {
    const socket = new ScriptedSocket(url, protocols);
    this.sockets.push(socket);
    return socket;
  }

  fetch(url: string, asking: Asking): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const signal = asking.signal as AbortSignal | undefined;
      signal?.addEventListener("abort", () => reject(new Error("aborted")));
      const aborted = () => signal?.aborted === true;
      this.requests.push({ url, asking, aborted, respond: resolve, fail: () => reject(new Error("no network")) });
    });
  }

  onWake(listener: () => void): () => void {
    this.#wakers.add(listener);
    return () => this.#wakers.delete(listener);
  }

  /** The page is looked at, or the network came or went. */
  wake(): void {
    for (const waker of this.#wakers) waker();
  }

  get socketNow(): ScriptedSocket {
    const socket = this.sockets.at(-1);
    if (!socket) throw new Error("No socket was opened");
    return socket;
  }

  get requestNow(): ScriptedRequest {
    const request = this.requests.at(-1);
    if (!request) throw new Error("Nothing was asked for");
    return request;
  }
}

/** A response of events that goes on; what is pushed arrives. */
export function eventStream(): { readonly answer: Answer; push(text: string): void; end(): void } {
  const chunks: { done: boolean; value?: Uint8Array }[] = [];
  let wake = () => {};
  const push = (chunk: { done: boolean; value?: Uint8Array }) => {
    chunks.push(chunk);
    wake();
  };
  const read = async (): Promise<{ done: boolean; value?: Uint8Array }> => {
    while (chunks.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return chunks.shift() ?? { done: true };
  };
  return {
    answer: { ...plain(200), body: { getReader: () => ({ read }) } },
    push: (text) => push({ done: false, value: new TextEncoder().encode(text) }),
    end: () => push({ done: true }),
  };
}

/** An answer of a status, with a body. */
export function plain(status: number, body: unknown = "", headers: Readonly<Record<string, string>> = {}): Answer {
  return {
    status,
    headers: new Headers(headers),
    body: null,
    text: async () => (typeof body === "string" ? body : JSON.stringify(body)),
  };
}

/** Lets everything happen that promises have put off. */
export async function settled(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}
