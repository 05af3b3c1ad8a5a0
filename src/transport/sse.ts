import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Lease, Leased, Leases } from "../auth/leases.ts";
import type { Opening } from "../hub/past.ts";
import type { Session } from "../hub/session.ts";
import type { Sink } from "../hub/sink.ts";
import { Batch, httpChunk } from "../protocol/batch.ts";
import type { Clock, Stop } from "../protocol/clock.ts";
import { type End, ends } from "../protocol/end.ts";
import { Failure } from "../protocol/failure.ts";
import { Frame } from "../protocol/frame.ts";
import type { Gate } from "./admit.ts";
import type { Admission, Guest, Request } from "./guest.ts";
import { sentBytes, untakenBytes } from "./socket.ts";

const sweepMs = 1000;

const streamHeaders = {
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
    const guest = await this.#parts.gate.welcome(request, "connects");
    try {
      guest.stay();
      const opened = await open(guest, request, { incoming, response });
      if (opened) this.#follow(opened, new Connection(response, guest, this.#parts));
      else guest.leave();
    } catch (thrown) {
      guest.leave();
      throw thrown;
    }
  }

  close(): void {
    this.#stopSweep();
  }

  #follow({ channel, view, opening, headers }: Opened, connection: Connection): void {
    this.#connections.add(connection);
    connection.onGone(() => this.#connections.delete(connection));
    connection.begin(headers, () => channel.join(view, connection), opening);
  }

  #sweep(): void {
    const now = this.#parts.clock.now();
    const ping = new Batch([new Frame({ type: "ping", timestamp: new Date(now).toISOString() })]);
    for (const connection of this.#connections) connection.keepAlive(ping, now);
  }
}

/** A stream that is about to be told. */
interface Opened extends Pick<Admission, "channel" | "view"> {
  readonly opening: Opening;
  readonly headers: Readonly<Record<string, string>>;
}

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
}

/** The beginning of the stream; undefined when the request is answered already, or its client gone. Throws the Failure. */
async function open(guest: Guest, request: Request, { incoming, response }: Exchange): Promise<Opened | undefined> {
  const { channel, view, since } = guest.subscribe();
  const headers = { ...streamHeaders, ...request.shared };
  if (incoming.method === "HEAD") return void response.writeHead(200, headers).end();
  const opening = await channel.open(view, since).catch((thrown) => gone(thrown, request));
  // Only this answer stops an EventSource for good.
  if (opening === undefined || isOver(opening)) return void response.writeHead(204, { ...request.shared }).end();
  // A request that was pipelined behind another one has no socket before that one is answered.
  if (!response.socket && !response.destroyed) await once(response, "socket");
  return response.destroyed ? undefined : { channel, view, opening, headers };
}

interface EventStreamParts {
  readonly gate: Gate;
  readonly leases: Leases;
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
class Connection implements Sink, Leased {
  readonly #response: ServerResponse;
  readonly #socket: Socket | null;
  readonly #guest: Guest;
  readonly #lease: Lease;
  readonly #parts: EventStreamParts;
  /** Whether the body is chunked; a client of HTTP/1.0 gets it bare. */
  #isChunked = true;
  #session: Session | undefined;
  #sent = 0;
  #quietSinceMs: number;
  readonly #onDrain = () => this.#session?.drained();

  constructor(response: ServerResponse, guest: Guest, parts: EventStreamParts) {
    this.#response = response;
    this.#guest = guest;
    this.#parts = parts;
    this.#socket = response.socket;
    this.#quietSinceMs = parts.clock.now();
    this.#socket?.on("drain", this.#onDrain);
    this.#lease = parts.leases.take(guest.principal, this);
  }

  onGone(listener: () => void): void {
    this.#response.on("close", () => {
      this.#socket?.off("drain", this.#onDrain);
      this.#session?.gone();
      this.#lease.release();
      this.#guest.leave();
      listener();
    });
  }

  /** Sends the head and the beginning of the stream. */
  begin(headers: Readonly<Record<string, string>>, join: () => Session, opening: Opening): void {
    // Whoever reads with more than an EventSource need not wait for `token_expiring` to know its connection.
    const id = this.#guest.principal.token && { "Skein-Connection": this.#lease.id };
    this.#response.writeHead(200, { ...headers, ...id }).flushHeaders();
    this.#isChunked = this.#response.chunkedEncoding;
    const session = join();
    this.#session = session;
    this.#socket?.cork();
    this.#writeRaw(retry(this.#parts.limits.retryMs));
    session.begin(opening);
    this.#socket?.uncork();
  }

  say(frame: Frame): void {
    this.write(new Batch([frame]));
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
