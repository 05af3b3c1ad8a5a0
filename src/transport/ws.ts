import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { type RawData, WebSocket, WebSocketServer } from "ws";
import { subprotocolOf } from "../auth/credential.ts";
import type { Guard } from "../auth/guard.ts";
import type { Lease, Leased, Leases } from "../auth/leases.ts";
import type { Session } from "../hub/session.ts";
import type { Sink } from "../hub/sink.ts";
import { Batch } from "../protocol/batch.ts";
import type { Clock, Stop } from "../protocol/clock.ts";
import { type End, ends, failed } from "../protocol/end.ts";
import { Failure } from "../protocol/failure.ts";
import type { Frame } from "../protocol/frame.ts";
import { authenticated, type ClientMessage, parseAuth, parseMessage, pong } from "../protocol/message.ts";
import type { Gate } from "./admit.ts";
import type { Guest, Request } from "./guest.ts";
import { headersOf, untakenBytes } from "./socket.ts";

const prefix = "/ws/";
const sweepMs = 1000;

/** Streams over WebSocket (RFC 6455), at `/ws/<stream>`. */
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

  /** Takes over a socket that asks for an upgrade to the stream at `url.pathname` below `/ws/`. */
  upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    // A client that goes away while we find out who it is has nobody else to say so to.
    socket.on("error", () => socket.destroy());
    this.#upgrade(incoming, socket, head).catch((thrown) => {
      const failure = Failure.from(thrown);
      if (failure.cause !== undefined) this.#parts.report(failure.cause);
      refuse(socket, failure);
    });
  }

  async #upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const [pathname = "", search = ""] = (incoming.url ?? "").split("?", 2);
    if (!pathname.startsWith(prefix)) throw new Failure("not_found", `No WebSocket at "${pathname}"`);
    const request: Request = {
      path: pathname.slice(prefix.length),
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
    this.#connections.add(connection);
    ws.on("close", () => {
      this.#connections.delete(connection);
      connection.gone();
    });
    connection.follow().catch((thrown) => connection.end(failed(Failure.from(thrown))));
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

/** One WebSocket: the sink of its session. */
class Connection implements Sink, Leased {
  heardMs: number;
  readonly #ws: WebSocket;
  readonly #stream: Duplex | undefined;
  readonly #guest: Guest;
  readonly #lease: Lease;
  readonly #parts: WebSocketParts;
  #session: Session | undefined;
  /** What was said before the first frame of the stream. */
  #early: Frame | undefined;
  #isGone = false;

  constructor(ws: WebSocket, guest: Guest, parts: WebSocketParts) {
    this.#ws = ws;
    this.#stream = rawStreamOf(ws);
    this.#guest = guest;
    this.#parts = parts;
    this.heardMs = parts.clock.now();
    // What the client says waits in the socket until there is a session to hear it.
    ws.pause();
    ws.on("message", (data, isBinary) => this.#hear(data, isBinary));
    ws.on("ping", () => this.#touch());
    // The close that follows every error says it all.
    ws.on("error", () => {});
    streamOf(ws)?.on("drain", () => this.#session?.drained());
    this.#lease = parts.leases.take(guest.principal, this);
  }

  async follow(): Promise<void> {
    const { channel, view, since } = this.#guest.subscribe();
    const opening = await channel.open(view, since);
    if (this.#isGone) return;
    this.#session = channel.join(view, this);
    this.#session.begin(opening);
    if (this.#early) this.say(this.#early);
    this.#ws.resume();
  }

  say(frame: Frame): void {
    if (this.#session) this.write(new Batch([frame]));
    else this.#early = frame;
  }

  write(batch: Batch): boolean {
    const stream = this.#stream;
    if (stream && this.#ws.readyState === WebSocket.OPEN) return stream.write(batch.ws) || stream.writableLength === 0;
    for (const { json } of batch.frames) this.#ws.send(json);
    return this.#ws.bufferedAmount === 0;
  }

  end(end: End): void {
    this.#session?.gone();
    this.#isGone = true;
    if (end.fault !== undefined) this.#parts.report(end.fault);
    if (end.frame) this.write(new Batch([end.frame]));
    this.#ws.close(end.code, end.reason);
    this.#ws.resume();
  }

  pendingBytes(): number {
    return untakenBytes(streamOf(this.#ws));
  }

  gone(): void {
    this.#isGone = true;
    this.#session?.gone();
    this.#lease.release();
    this.#guest.leave();
  }

  #hear(data: RawData, isBinary: boolean): void {
    this.#touch();
    if (this.#isGone || !this.#session) return;
    try {
      this.#guest.spend("messages");
      if (isBinary) throw new Failure("invalid_message", "A message must be text, not binary");
      this.#take(parseMessage(data.toString()), this.#session);
    } catch (thrown) {
      this.end(failed(Failure.from(thrown)));
    }
  }

  #take(message: ClientMessage, session: Session): void {
    if (message.type === "ping") return this.say(pong);
    if (message.type === "auth") return void this.#renew(parseAuth(message));
    // Its answer is a fresh snapshot.
    this.#guest.spend("reads");
    session.receive(message);
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

/**
 * A refusal that is said on the open WebSocket, because a page sees no HTTP status; throws what is said before that.
 *
 * A page cannot set headers, so a token it gave itself came as subprotocol. What came in a header, a cookie or the query
 * is refused with its status (and so is every flood of programs that are no browsers).
 */
function sayable(failure: Failure, { headers }: Request): Failure {
  const isPage = headers.has("origin");
  const isToldLater: Readonly<Record<number, boolean>> = {
    401: subprotocolOf(headers) !== undefined || (failure.code === "token_required" && isPage),
    403: false,
    429: subprotocolOf(headers) !== undefined || isPage,
  };
  if (isToldLater[failure.status] ?? true) return failure;
  throw failure;
}

/** Says on an open WebSocket why it will be none, and closes it. */
function turnAway(ws: WebSocket, failure: Failure, report: WebSocketParts["report"]): void {
  if (failure.cause !== undefined) report(failure.cause);
  ws.on("error", () => {});
  ws.send(failure.frame.json);
  ws.close(failure.closeCode, failure.code);
}

/** Answers an upgrade request that will not become a WebSocket. */
function refuse(socket: Duplex, { status, frame, retryAfterSeconds: wait }: Failure): void {
  const { bytes } = frame;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "Content-Type: application/json; charset=utf-8",
    `Content-Length: ${bytes.length}`,
    ...(status === 401 ? ["WWW-Authenticate: Bearer"] : []),
    ...(wait === undefined ? [] : [`Retry-After: ${wait}`]),
    "Connection: close",
  ];
  // Nobody reads what else the client sends, so nobody would notice that it has gone.
  socket.once("finish", () => socket.destroy());
  socket.end(Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), bytes]));
}

/** The parts of `ws` that lead past its sender; private, so read in this file only. */
interface Inside {
  readonly _socket?: Duplex | null;
  readonly _sender?: { _state?: unknown; _firstFragment?: unknown; _queue?: { length: number } } | null;
}

function streamOf(ws: WebSocket): Duplex | undefined {
  return (ws as unknown as Inside)._socket ?? undefined;
}

/**
 * The socket below a WebSocket, when prepared bytes may be written to it past `ws` for as long as the WebSocket is open.
 *
 * That is safe while no fragmented message is under way, nothing is being compressed and nothing is queued. Here none of
 * it can begin: no compression is negotiated, and nobody sends but `Connection`, whole text messages only. So it is
 * looked at once and not for every frame, which would touch three more objects of every client. Undefined on a runtime
 * whose `ws` is built otherwise; then `ws.send` is the way.
 */
function rawStreamOf(ws: WebSocket): Duplex | undefined {
  const { _sender: sender } = ws as unknown as Inside;
  const isQuiet = sender && sender._state === 0 && sender._firstFragment === true && sender._queue?.length === 0;
  return isQuiet ? streamOf(ws) : undefined;
}
