import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type RawData, WebSocket, WebSocketServer } from "ws";
import type { Guard } from "../auth/guard.ts";
import type { Lease, Leased, Leases } from "../auth/leases.ts";
import type { Attendance, Attending, Farewell } from "../metrics/attendance.ts";
import { inBackground, isolated } from "../protocol/background.ts";
import { Batch } from "../protocol/batch.ts";
import type { Clock, Stop } from "../protocol/clock.ts";
import { type End, ends, failed } from "../protocol/end.ts";
import { Failure } from "../protocol/failure.ts";
import type { Frame } from "../protocol/frame.ts";
import {
  authenticated,
  type ClientMessage,
  parseAuth,
  parseMessage,
  pong,
  reservedMessages,
} from "../protocol/message.ts";
import type { Gate } from "./admit.ts";
import type { Guest, Request } from "./guest.ts";
import { open } from "./open.ts";
import { refuse, sayable, turnAway } from "./refusal.ts";
import type { Outlet, Script } from "./script.ts";
import { headersOf, sentBytes, untakenBytes } from "./socket.ts";
import { rawStreamOf, streamOf } from "./ws-stream.ts";

const addresses = /^(?:\/ws(?:\/(?<path>.*))?|\/api\/v1\/web\/(?<fragments>live\/[^/]*))$/s;
const sweepMs = 1000;

/** Streams over WebSocket (RFC 6455), at `/ws/<stream>`, and many on one connection at `/ws`. */
export class WebSockets {
  readonly #parts: WebSocketParts;
  readonly #server: WebSocketServer;
  readonly #connections = new Set<Connection>();
  readonly #stopSweep: Stop;

  constructor(parts: WebSocketParts) {
    this.#parts = parts;
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: parts.limits.maxMessageBytes,
      // What else is offered there is a token.
      handleProtocols: (offered) => offered.has("token") && "token",
    });
    this.#stopSweep = parts.clock.every(sweepMs, () => this.#sweep());
  }

  get connections(): ReadonlySet<{ end(end: End): void }> {
    return this.#connections;
  }

  /** Takes over a socket that asks for an upgrade to the stream that its address names. */
  upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    // A client that goes away while we find out who it is has nobody else to say so to.
    socket.on("error", () => socket.destroy());
    const upgraded = this.#upgrade(incoming, socket, head).catch((thrown) => {
      const failure = Failure.from(thrown);
      if (failure.cause !== undefined) this.#parts.report(failure.cause);
      refuse(socket, failure);
    });
    inBackground("upgrading to a WebSocket", upgraded, this.#parts.report);
  }

  async #upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const [pathname = "", search = ""] = (incoming.url ?? "").split("?", 2);
    const { groups } = addresses.exec(pathname) ?? {};
    if (!groups) throw new Failure("not_found", `No WebSocket at "${pathname}"`);
    const request: Request = {
      path: groups.fragments ?? groups.path ?? "",
      search: new URLSearchParams(search),
      headers: headersOf(incoming),
      address: this.#parts.addressOf(incoming),
      shared: {},
    };
    const guest = await this.#welcome(request).catch((thrown) => sayable(Failure.from(thrown), request));
    let isOpen = false;
    this.#server.handleUpgrade(incoming, socket, head, (ws) => {
      isOpen = true;
      if (guest instanceof Failure) turnAway(ws, guest, this.#parts.report);
      else this.#connect(ws, guest);
    });
    // The handshake itself was no good, and was answered so.
    if (!isOpen && !(guest instanceof Failure)) guest.leave();
  }

  async #welcome(request: Request): Promise<Guest> {
    const guest = await this.#parts.gate.welcome(request, "connects");
    guest.stay();
    return guest;
  }

  close(): void {
    this.#stopSweep();
    this.#server.close();
  }

  #connect(ws: WebSocket, guest: Guest): void {
    const connection = new Connection(ws, guest, this.#parts);
    const { attendance } = this.#parts;
    this.#connections.add(connection);
    attendance.arrive(connection);
    const { report } = this.#parts;
    const close = (code: number) => {
      this.#connections.delete(connection);
      attendance.depart(connection, connection.farewell(code));
      connection.gone();
    };
    ws.on("close", isolated("a WebSocket that closes", close, report));
    const followed = connection.follow().catch((thrown) => connection.end(failed(Failure.from(thrown))));
    inBackground("following a stream", followed, report);
  }

  #sweep(): void {
    const deadline = this.#parts.clock.now() - this.#parts.limits.idleAfterMs;
    for (const connection of this.#connections) if (connection.heardMs <= deadline) connection.end(ends.idle);
  }
}

interface WebSocketParts {
  readonly gate: Gate;
  readonly guard: Guard;
  readonly leases: Leases;
  readonly attendance: Attendance;
  readonly clock: Clock;
  /** Where a request comes from, as limits count it. */
  readonly addressOf: (incoming: IncomingMessage) => string;
  /** Hears of every defect of ours that ended a connection. */
  readonly report: (fault: unknown) => void;
  readonly limits: {
    /** The largest message that a client may send, in bytes. */
    readonly maxMessageBytes: number;
    /** How long a client may be silent. */
    readonly idleAfterMs: number;
  };
}

/** One WebSocket: the way out of its script. */
class Connection implements Outlet, Leased, Attending {
  readonly transport = "ws";
  readonly guest: Guest;
  heardMs: number;
  sentFrames = 0;
  readonly #ws: WebSocket;
  readonly #stream: Duplex | undefined;
  readonly #lease: Lease;
  readonly #parts: WebSocketParts;
  #script: Script | undefined;
  /** What was said before the first frame of the stream. */
  #early: Frame | undefined;
  /** Why we ended it. */
  #end: End | undefined;
  #isGone = false;

  constructor(ws: WebSocket, guest: Guest, parts: WebSocketParts) {
    this.#ws = ws;
    this.#stream = rawStreamOf(ws);
    this.guest = guest;
    this.#parts = parts;
    this.heardMs = parts.clock.now();
    // What the client says waits in the socket until there is a session to hear it.
    ws.pause();
    const { report } = parts;
    const hear = (data: RawData, isBinary: boolean) => this.#hear(data, isBinary);
    ws.on("message", isolated("hearing a client", hear, report));
    ws.on(
      "ping",
      isolated("hearing a client", () => this.#touch(), report),
    );
    // The close that follows every error says it all.
    ws.on("error", () => {});
    streamOf(ws)?.on(
      "drain",
      isolated("writing to a client", () => this.#script?.drained(), report),
    );
    this.#lease = parts.leases.take(guest.principal, this);
  }

  async follow(): Promise<void> {
    const { report } = this.#parts;
    const { admission } = this.guest.subscribe();
    const fresh = { vector: undefined, standing: undefined, within: undefined, isFixed: false };
    const opened = await open(admission, { guest: this.guest, report, ...fresh });
    if (this.#isGone) return;
    this.#script = opened.begin(this);
    if (this.#early) this.say(this.#early);
    this.#ws.resume();
  }

  say(frame: Frame): void {
    if (this.#script) this.write(new Batch([frame]));
    else this.#early = frame;
  }

  write(batch: Batch): boolean {
    this.sentFrames += batch.frames.length;
    const stream = this.#stream;
    if (stream && this.#ws.readyState === WebSocket.OPEN) return stream.write(batch.ws) || stream.writableLength === 0;
    for (const { json } of batch.frames) this.#ws.send(json);
    return this.#ws.bufferedAmount === 0;
  }

  end(end: End): void {
    this.#end ??= end;
    this.#script?.gone();
    this.#isGone = true;
    if (end.fault !== undefined) this.#parts.report(end.fault);
    if (end.frame) this.write(new Batch([end.frame]));
    this.#ws.close(end.code, end.reason);
    this.#ws.resume();
  }

  /** How it ended, when the WebSocket was closed with that code. */
  farewell(code: number): Farewell {
    return this.#end ? { by: "gateway", ...this.#end } : { by: "client", code, reason: undefined };
  }

  get sentBytes(): number {
    return sentBytes(this.#stream);
  }

  get behind(): number {
    return this.#script?.behind ?? 0;
  }

  pendingBytes(): number {
    return untakenBytes(streamOf(this.#ws));
  }

  get isFull(): boolean {
    return this.#stream?.writableNeedDrain ?? false;
  }

  cork(): void {
    this.#stream?.cork();
  }

  uncork(): void {
    this.#stream?.uncork();
  }

  gone(): void {
    this.#isGone = true;
    this.#script?.gone();
    this.#lease.release();
    this.guest.leave();
  }

  #hear(data: RawData, isBinary: boolean): void {
    this.#touch();
    if (this.#isGone || !this.#script) return;
    try {
      this.guest.spend("messages");
      if (isBinary) throw new Failure("invalid_message", "A message must be text, not binary");
      this.#take(parseMessage(data.toString()), this.#script);
    } catch (thrown) {
      this.end(failed(Failure.from(thrown)));
    }
  }

  #take(message: ClientMessage, script: Script): void {
    if (message.type === "ping") return this.say(pong);
    if (message.type === "auth") {
      return inBackground("renewing a token", this.#renew(parseAuth(message)), this.#parts.report);
    }
    // Its answer is a fresh snapshot; that of one more stream is counted as what it is.
    if (!reservedMessages.has(message.type)) this.guest.spend("reads");
    script.receive(message);
  }

  async #renew(token: string): Promise<void> {
    try {
      const principal = await this.#parts.guard.verify(token);
      if (this.#isGone) return;
      this.#lease.renew(principal);
      this.say(authenticated(principal.token?.expiresAtMs ?? 0));
    } catch (thrown) {
      this.end(failed(Failure.from(thrown)));
    }
  }

  #touch(): void {
    this.heardMs = this.#parts.clock.now();
  }
}
