import type { Stop } from "./skein.ts";

/** A WebSocket, as far as it is used. */
export interface Socket {
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: { readonly code: number }) => void) | null;
  send(text: string): void;
  close(): void;
}

/** An answer over HTTP, as far as it is used. */
export interface Answer {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body: { getReader(): Reader } | null;
  text(): Promise<string>;
}

interface Reader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
}

/** A request over HTTP, as far as it is used. */
export interface Asking {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: unknown;
  readonly credentials?: "same-origin";
  readonly cache?: "no-store";
}

/** What gives up a request. */
export interface Abort {
  readonly signal: { readonly aborted: boolean };
  abort(): void;
}

/** What turns the bytes of a response into text. */
interface Decoder {
  decode(bytes?: Uint8Array, options?: { readonly stream: boolean }): string;
}

/** Everything that a client needs of the world. Without DOM and Node types; a test may give another world. */
export interface Surroundings {
  /** Milliseconds since 1970. */
  now(): number;
  after(ms: number, task: () => void): Stop;
  /** From 0 to 1. */
  random(): number;
  socket(url: string, protocols: string[]): Socket;
  fetch(url: string, asking: Asking): Promise<Answer>;
  abort(): Abort;
  decoder(): Decoder;
  /** Makes an address absolute. Throws TypeError for one that is none. */
  resolve(url: string): string;
  isOnline(): boolean;
  /** Calls back when it is worth a look: the network came or went, the page is seen again, or the machine woke up. */
  onWake(listener: () => void): Stop;
}

interface Target {
  addEventListener?(type: string, listener: () => void, options: Pick<Abort, "signal">): void;
}

/** What `globalThis` has, in a browser, Node, Deno or Bun. */
interface World extends Target {
  readonly WebSocket: new (url: string, protocols: string[]) => Socket;
  fetch(url: string, asking: Asking): Promise<Answer>;
  setTimeout(task: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
  readonly AbortController: new () => Abort;
  readonly TextDecoder: new () => Decoder;
  readonly URL: new (url: string, base?: string) => { readonly href: string };
  readonly navigator?: { readonly onLine?: boolean };
  readonly location?: { readonly href: string };
  readonly document?: Target & { readonly baseURI: string; readonly visibilityState: string };
}

const world = globalThis as unknown as World;

/** The world of this page or program. */
export const surroundings: Surroundings = {
  now: Date.now,
  after(ms, task) {
    const timer = world.setTimeout(task, ms);
    return () => world.clearTimeout(timer);
  },
  random: Math.random,
  socket: (url, protocols) => new world.WebSocket(url, protocols),
  fetch: (url, asking) => world.fetch(url, asking),
  abort: () => new world.AbortController(),
  decoder: () => new world.TextDecoder(),
  resolve: (url) => new world.URL(url, world.document?.baseURI ?? world.location?.href).href,
  isOnline: () => world.navigator?.onLine !== false,
  onWake(listener) {
    const { document } = world;
    const seen = () => {
      if (document?.visibilityState !== "hidden") listener();
    };
    const listening = new world.AbortController();
    for (const type of ["online", "offline"]) world.addEventListener?.(type, listener, listening);
    document?.addEventListener?.("visibilitychange", seen, listening);
    return () => listening.abort();
  },
};
