import { EventSource } from "eventsource";
import { LogFollower } from "./log-follower.ts";

/** What frames of a log have in common, and what single ones have besides. */
interface LogFrame {
  readonly type: string;
  readonly cursor?: string;
  readonly lines?: readonly string[];
  readonly reason?: string;
}

/** How long a client waits before it connects again. */
const retryMs = 20;

/** A client of one log that comes back with its cursor whenever it is cut, and checks every line. */
export class LogClient extends LogFollower {
  readonly name: string;
  /** How many frames of each type came; a fresh backlog counts as `fresh`. */
  readonly counts: Record<string, number> = {};
  /** Why it had to begin anew. */
  readonly fresh: string[] = [];
  readonly gaps: string[] = [];
  readonly #address: (cursor: string | undefined) => string;
  #cursor: string | undefined;
  #hangUp: () => void = () => {};
  #isClosed = false;
  /** The frame that came last. */
  #newest = "";

  /** `stream` is `instances/a/logs`. */
  constructor(transport: "ws" | "sse", url: string, stream: string) {
    super();
    this.name = transport;
    const origin = transport === "ws" ? url.replace("http", "ws") : url;
    this.#address = (cursor) => `${origin}/${transport}/${stream}?${cursor ? `since=${cursor}` : "backlog=1000"}`;
    if (transport === "ws") this.#openWebSocket();
    else this.#openEventSource();
  }

  get isReady(): boolean {
    return this.counts.backlog !== undefined;
  }

  override get told(): string {
    return `${super.told}, cursor ${this.#cursor}, with ${JSON.stringify(this.counts)}, ${this.fresh}; ${this.#newest}`;
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#hangUp();
  }

  #openWebSocket(): void {
    if (this.#isClosed) return;
    const socket = new WebSocket(this.#address(this.#cursor));
    this.#hangUp = () => socket.close();
    socket.onmessage = ({ data }) => this.#take(String(data));
    socket.onclose = () => setTimeout(() => this.#openWebSocket(), retryMs);
  }

  /** An EventSource comes back by itself and says Last-Event-ID, unless it was refused: then it stops for good. */
  #openEventSource(): void {
    if (this.#isClosed) return;
    const source = new EventSource(this.#address(this.#cursor));
    this.#hangUp = () => source.close();
    source.onmessage = ({ data }) => this.#take(data);
    source.onerror = () => {
      if (source.readyState === source.CLOSED) setTimeout(() => this.#openEventSource(), retryMs);
    };
  }

  #take(json: string): void {
    const frame = JSON.parse(json) as LogFrame;
    this.#newest = json.slice(0, 300);
    if (frame.type === "backlog" && !this.isReady) this.ledger.beginWith(frame.lines ?? []);
    this.counts[frame.type] = (this.counts[frame.type] ?? 0) + 1;
    this.#cursor = frame.cursor ?? this.#cursor;
    if (frame.type === "backlog" && frame.reason !== undefined) this.fresh.push(frame.reason);
    if (frame.type === "gap") {
      this.ledger.announceGap();
      this.gaps.push(json);
    }
    for (const line of frame.lines ?? []) this.ledger.take(line);
    this.wake();
  }
}
