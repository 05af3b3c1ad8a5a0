import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Channel } from "../hub/channel.ts";
import type { Opening } from "../hub/past.ts";
import type { Session } from "../hub/session.ts";
import type { Sink } from "../hub/sink.ts";
import { Batch, httpChunk } from "../protocol/batch.ts";
import type { Clock, Stop } from "../protocol/clock.ts";
import { type End, ends } from "../protocol/end.ts";
import { Failure } from "../protocol/failure.ts";
import { Frame } from "../protocol/frame.ts";
import type { Gate, Request } from "./admit.ts";
import { sentBytes, untakenBytes } from "./socket.ts";

const sweepMs = 1000;

const headers = {
  "Content-Type": "text/event-stream; charset=utf-8",
  "Cache-Control": "no-cache, no-transform",
  "X-Accel-Buffering": "no",
};

/** Streams over Server-Sent Events (HTML standard, section 9.2), at `/sse/<stream>`. */
export class EventStreams {
  readonly #parts: EventStreamParts;
  readonly #connections = new Set<Connection>();
  readonly #stopSweep: Stop;

  constructor(parts: EventStreamParts) {
    this.#parts = parts;
    this.#stopSweep = parts.clock.every(sweepMs, () => this.#sweep());
  }

  get connections(): ReadonlySet<{ end(end: End): void }> {
    return this.#connections;
  }

  /**
   * Answers a request with the stream it asks for.
   *
   * Throws the Failure when it is refused; nothing has been written then.
   */
  async serve(request: Request, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { channel, query, since } = this.#parts.gate.admit(request);
    if (incoming.method === "HEAD") return void response.writeHead(200, headers).end();
    const opening = await channel.open(query, since).catch((thrown) => gone(thrown, request));
    // Only this answer stops an EventSource for good.
    if (opening === undefined || isOver(opening)) return void response.writeHead(204).end();
    // A request that was pipelined behind another one has no socket before that one is answered.
    if (!response.socket && !response.destroyed) await once(response, "socket");
    if (response.destroyed) return;
    response.writeHead(200, headers).flushHeaders();
    this.#connect(new Connection(response, this.#parts), { channel, query, opening });
  }

  close(): void {
    this.#stopSweep();
  }

  #connect(connection: Connection, { channel, query, opening }: Begin): void {
    this.#connections.add(connection);
    connection.onGone(() => this.#connections.delete(connection));
    connection.begin(channel.join(query, connection), opening);
  }

  #sweep(): void {
    const now = this.#parts.clock.now();
    const ping = new Batch([new Frame({ type: "ping", timestamp: new Date(now).toISOString() })]);
    for (const connection of this.#connections) connection.keepAlive(ping, now);
  }
}

interface Begin {
  readonly channel: Channel;
  readonly query: unknown;
  readonly opening: Opening;
}

interface EventStreamParts {
  readonly gate: Gate;
  readonly clock: Clock;
  /** Hears of every defect of ours that ended a connection. */
  readonly report: (fault: unknown) => void;
  /** A number from 0 to 1. */
  readonly random: () => number;
  readonly limits: {
    /** After how long a silence a ping is sent. */
    readonly pingEveryMs: number;
    /** How long a client waits before it reconnects. */
    readonly retryMs: number;
  };
}

const goneCodes: ReadonlySet<string> = new Set(["instance_not_found", "instance_deleted"]);

/** Nothing, when what an EventSource comes back to is no more; throws what was thrown otherwise. */
function gone(thrown: unknown, { headers }: Request): undefined {
  if (headers.has("last-event-id") && thrown instanceof Failure && goneCodes.has(thrown.code)) return undefined;
  throw thrown;
}

function isOver({ resumed, frames, over }: Opening): boolean {
  return over && resumed && frames.length === 1;
}

/** One response that does not end: the sink of its session. */
class Connection implements Sink {
  readonly #response: ServerResponse;
  readonly #socket: Socket | null;
  readonly #parts: EventStreamParts;
  /** Whether the body is chunked; a client of HTTP/1.0 gets it bare. */
  readonly #isChunked: boolean;
  #session: Session | undefined;
  #sent = 0;
  #quietSinceMs: number;
  readonly #onDrain = () => this.#session?.drained();

  constructor(response: ServerResponse, parts: EventStreamParts) {
    this.#response = response;
    this.#parts = parts;
    this.#socket = response.socket;
    this.#isChunked = response.chunkedEncoding;
    this.#quietSinceMs = parts.clock.now();
    this.#socket?.on("drain", this.#onDrain);
  }

  onGone(listener: () => void): void {
    this.#response.on("close", () => {
      this.#socket?.off("drain", this.#onDrain);
      this.#session?.gone();
      listener();
    });
  }

  begin(session: Session, opening: Opening): void {
    this.#session = session;
    this.#socket?.cork();
    this.#writeRaw(retry(this.#parts.limits.retryMs));
    session.begin(opening);
    this.#socket?.uncork();
  }

  write(batch: Batch): boolean {
    const socket = this.#socket;
    if (!socket?.writable) return true;
    // Past the response: its own `write` would frame the same bytes anew for every client.
    return socket.write(this.#isChunked ? batch.chunk : batch.sse) || socket.writableLength === 0;
  }

  end(end: End): void {
    this.#session?.gone();
    if (end.fault !== undefined) this.#parts.report(end.fault);
    if (end.frame) this.write(new Batch([end.frame]));
    if (end.code === 1001) this.#writeRaw(retry(this.#parts.limits.retryMs * (1 + 4 * this.#parts.random())));
    this.#response.end();
    // Nothing said to a client that reads nothing can arrive.
    if (end.code === ends.stuck.code) this.#socket?.destroy();
  }

  pendingBytes(): number {
    return untakenBytes(this.#socket);
  }

  /** Sends a ping when nothing was sent for long enough. */
  keepAlive(ping: Batch, now: number): void {
    const sent = sentBytes(this.#socket);
    if (sent !== this.#sent) {
      this.#sent = sent;
      this.#quietSinceMs = now;
    } else if (now - this.#quietSinceMs >= this.#parts.limits.pingEveryMs) {
      this.write(ping);
    }
  }

  #writeRaw(text: string): void {
    if (!this.#socket?.writable) return;
    const bytes = new TextEncoder().encode(text);
    this.#socket.write(this.#isChunked ? httpChunk(bytes) : bytes);
  }
}

function retry(ms: number): string {
  return `retry: ${Math.round(ms)}\n\n`;
}
