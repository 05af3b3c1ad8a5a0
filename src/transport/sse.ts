import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Lease, Leased, Leases } from "../auth/leases.ts";
import type { Attendance, Attending, Farewell } from "../metrics/attendance.ts";
import { isolated } from "../protocol/background.ts";
import { Batch, httpChunk } from "../protocol/batch.ts";
import type { Clock, Stop } from "../protocol/clock.ts";
import { type End, ends } from "../protocol/end.ts";
import { Failure } from "../protocol/failure.ts";
import { Frame } from "../protocol/frame.ts";
import { Vector } from "../protocol/vector.ts";
import type { Gate } from "./admit.ts";
import type { Guest, Request } from "./guest.ts";
import { open } from "./open.ts";
import type { Opened, Outlet, Script } from "./script.ts";
import { sentBytes, untakenBytes } from "./socket.ts";

const sweepMs = 1000;

const streamHeaders = {
  "Content-Type": "text/event-stream; charset=utf-8",
  "Cache-Control": "no-cache, no-transform",
  "X-Accel-Buffering": "no",
};

/** Streams over Server-Sent Events (HTML standard, section 9.2), at `/sse/<stream>`, and many on one connection at `/sse`. */
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
      const opened = await this.#open(guest, request, { incoming, response });
      if (opened) this.#follow(opened, request, new Connection(response, guest, this.#parts));
      else guest.leave();
    } catch (thrown) {
      guest.leave();
      throw thrown;
    }
  }

  close(): void {
    this.#stopSweep();
  }

  #follow(opened: Opened, { shared }: Request, connection: Connection): void {
    this.#connections.add(connection);
    const { attendance } = this.#parts;
    attendance.arrive(connection);
    connection.onGone((farewell) => {
      this.#connections.delete(connection);
      attendance.depart(connection, farewell);
    });
    connection.begin({ ...streamHeaders, ...shared }, opened);
  }

  /** The beginning; undefined when the request is answered already, or its client gone. Throws the Failure. */
  async #open(guest: Guest, request: Request, { incoming, response }: Exchange): Promise<Opened | undefined> {
    const { report } = this.#parts;
    const { shared } = request;
    const { admission } = guest.subscribe();
    const isOne = admission.kind === "stream";
    if (incoming.method === "HEAD") return finish(response.writeHead(200, { ...streamHeaders, ...shared }));
    const vector = isOne ? undefined : new Vector();
    const company = { guest, report, vector, standing: undefined, within: undefined, isFixed: true };
    const opened = await open(admission, company).catch((thrown) => gone(thrown, request));
    // Only this answer stops an EventSource for good.
    if (opened === undefined || opened.isOver) return finish(response.writeHead(204, { ...shared }));
    // A request that was pipelined behind another one has no socket before that one is answered.
    if (!response.socket && !response.destroyed) await once(response, "socket");
    return response.destroyed ? undefined : opened;
  }

  #sweep(): void {
    const now = this.#parts.clock.now();
    const ping = new Batch([new Frame({ type: "ping", timestamp: new Date(now).toISOString() })]);
    for (const connection of this.#connections) connection.keepAlive(ping, now);
  }
}

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
}

interface EventStreamParts {
  readonly gate: Gate;
  readonly leases: Leases;
  readonly attendance: Attendance;
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

/** One response that does not end: the way out of its script. */
class Connection implements Outlet, Leased, Attending {
  readonly transport = "sse";
  readonly guest: Guest;
  sentFrames = 0;
  readonly #response: ServerResponse;
  readonly #socket: Socket | null;
  readonly #lease: Lease;
  readonly #parts: EventStreamParts;
  /** Whether the body is chunked; a client of HTTP/1.0 gets it bare. */
  #isChunked = true;
  #script: Script | undefined;
  /** What its socket had sent before: one socket may carry several responses. */
  readonly #before: number;
  /** Why we ended it. */
  #end: End | undefined;
  #sent = 0;
  #quietSinceMs: number;
  readonly #onDrain: () => void;

  constructor(response: ServerResponse, guest: Guest, parts: EventStreamParts) {
    this.#response = response;
    this.guest = guest;
    this.#parts = parts;
    this.#socket = response.socket;
    this.#before = sentBytes(response.socket);
    this.#quietSinceMs = parts.clock.now();
    this.#onDrain = isolated("writing to a client", () => this.#script?.drained(), parts.report);
    this.#socket?.on("drain", this.#onDrain);
    this.#lease = parts.leases.take(guest.principal, this);
  }

  onGone(listener: (farewell: Farewell) => void): void {
    const close = () => {
      this.#socket?.off("drain", this.#onDrain);
      this.#script?.gone();
      this.#lease.release();
      this.guest.leave();
      listener(this.#end ? { by: "gateway", ...this.#end } : left);
    };
    this.#response.on("close", isolated("an event stream that closes", close, this.#parts.report));
  }

  /** Sends the head and the beginning of the stream. */
  begin(headers: Readonly<Record<string, string>>, opened: Opened): void {
    // Whoever reads with more than an EventSource need not wait for `token_expiring` to know its connection.
    const id = this.guest.principal.token && { "Skein-Connection": this.#lease.id };
    this.#response.writeHead(200, { ...headers, ...id }).flushHeaders();
    this.#isChunked = this.#response.chunkedEncoding;
    this.#socket?.cork();
    this.#writeRaw(retry(this.#parts.limits.retryMs));
    this.#script = opened.begin(this);
    this.#socket?.uncork();
  }

  say(frame: Frame): void {
    this.write(new Batch([frame]));
  }

  /** Nothing is heard on this transport, so there are no more answers than the address asks for. */
  answer(batch: Batch): void {
    this.write(batch);
  }

  write(batch: Batch): boolean {
    this.sentFrames += batch.frames.length;
    const socket = this.#socket;
    if (!socket?.writable) return true;
    // Past the response: its own `write` would frame the same bytes anew for every client.
    return socket.write(this.#isChunked ? batch.chunk : batch.sse) || socket.writableLength === 0;
  }

  end(end: End): void {
    this.#end ??= end;
    this.#script?.gone();
    if (end.fault !== undefined) this.#parts.report(end.fault);
    if (end.frame) this.write(new Batch([end.frame]));
    if (end.code === 1001) this.#writeRaw(retry(this.#parts.limits.retryMs * (1 + 4 * this.#parts.random())));
    this.#response.end();
    // Nothing said to a client that reads nothing can arrive.
    if (end.code === ends.stuck.code) this.#socket?.destroy();
  }

  get sentBytes(): number {
    return sentBytes(this.#socket) - this.#before;
  }

  get behind(): number {
    return this.#script?.behind ?? 0;
  }

  pendingBytes(): number {
    return untakenBytes(this.#socket);
  }

  get isFull(): boolean {
    return this.#socket?.writableNeedDrain ?? false;
  }

  cork(): void {
    this.#socket?.cork();
  }

  uncork(): void {
    this.#socket?.uncork();
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

/** The client went away, and HTTP has no word for why. */
const left: Farewell = { by: "client", code: undefined, reason: undefined };

function finish(response: ServerResponse): undefined {
  response.end();
}

function retry(ms: number): string {
  return `retry: ${Math.round(ms)}\n\n`;
}
