import { CrewSocket, callAll } from "./crew-socket.ts";
import type { GraphFrame, MissionFrame, RunFrame } from "./frames.ts";
import { connect } from "./index.ts";
import type { Skein, Status, Stop, TokenSource } from "./skein.ts";

export type { SocketStatus } from "./crew-socket.ts";

/** Where the gateway is. */
export interface CrewOptions {
  /** Its address: `https://…`, or `wss://…`. Default: where the page comes from; elsewhere than in a page it is needed. */
  readonly url?: string;
}

export interface RunOptions extends CrewOptions {
  /** Default: none; the session cookie decides. */
  readonly token?: TokenSource;
}

/**
 * Follows one run: everything so far, then each event until it is done.
 *
 * A lost connection is tried again three times, two seconds apart; then the status is `lost`. Nothing is missing after a reconnect and
 * nothing comes twice. When the run is done the status is `over`.
 */
export class RunSocket extends CrewSocket<RunFrame> {
  constructor(runId: string, { url, token }: RunOptions = {}) {
    super({ url: address(url, `ws/runs/${encodeURIComponent(runId)}`), token, attempts: 3, delayMs: 2000 });
  }
}

/**
 * Follows the tools that the agents of one crew use.
 *
 * A lost connection is not tried again: the status is `lost`, and `connect()` goes on where it was.
 */
export class GraphSocket extends CrewSocket<GraphFrame> {
  constructor(crewId: string, token?: TokenSource, { url }: CrewOptions = {}) {
    super({ url: address(url, `ws/graph?crew=${encodeURIComponent(crewId)}`), token, attempts: 0, delayMs: 0 });
  }
}

/** Follows which crews are available, busy or offline. A lost connection is tried again for ever. */
export class MissionSocket {
  readonly #url: string;
  readonly #token: TokenSource | undefined;
  readonly #listeners = new Set<(event: MissionFrame) => void>();
  #skein: Skein | undefined;

  constructor(token?: TokenSource, { url }: CrewOptions = {}) {
    this.#url = address(url, "").replace(/^ws/, "http");
    this.#token = token;
  }

  /** `idle` while it is not connected. */
  get status(): Status["state"] {
    return this.#skein?.status.state ?? "idle";
  }

  /** Calls the listener with every event from now on. */
  subscribe(listener: (event: MissionFrame) => void): Stop {
    const own = (event: MissionFrame) => listener(event);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  /** Connects, unless it is connected already. */
  connect(): void {
    if (this.#skein) return;
    const token = this.#token === undefined ? {} : { token: this.#token };
    this.#skein = connect(this.#url, token);
    this.#skein.stream("mission").onFrame((event) => callAll(this.#listeners, event));
  }

  /** Ends the connection. */
  disconnect(): void {
    this.#skein?.close();
    this.#skein = undefined;
  }
}

export { GraphSocket as GraphWebSocket, MissionSocket as MissionWebSocket, RunSocket as RunWebSocket };

/** The address of a stream. Throws TypeError where there is no page to take it from. */
function address(url: string | undefined, path: string): string {
  const base = url ?? (globalThis as { location?: { href: string } }).location?.href;
  if (base === undefined) throw new TypeError('Say where the gateway is: { url: "https://…" }');
  const root = url === undefined ? new URL("/", base) : new URL(url.endsWith("/") ? url : `${url}/`);
  return new URL(path, root).href.replace(/^http/, "ws");
}
