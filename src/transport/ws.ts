import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { type RawData, WebSocket, WebSocketServer } from "ws";
import { foreignOrigin, isSameOrigin } from "../auth/origin.ts";
import type { Session } from "../hub/session.ts";
import type { Sink } from "../hub/sink.ts";
import { Batch } from "../protocol/batch.ts";
import type { Clock, Stop } from "../protocol/clock.ts";
import { type End, ends, failed } from "../protocol/end.ts";
import { Failure } from "../protocol/failure.ts";
import type { Gate, Request } from "./admit.ts";
import { receive } from "./receive.ts";
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
    });
    this.#stopSweep = parts.clock.every(sweepMs, () => this.#sweep());
  }

  get connections(): ReadonlySet<{ end(end: End): void }> {
    return this.#connections;
  }

  /** Takes over a socket that asks for an upgrade to the stream at `url.pathname` below `/ws/`. */
  upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    const [pathname = "", search = ""] = (incoming.url ?? "").split("?", 2);
    if (!pathname.startsWith(prefix)) return refuse(socket, new Failure("not_found", `No WebSocket at "${pathname}"`));
    const headers = headersOf(incoming);
    if (!isSameOrigin(headers)) return refuse(socket, foreignOrigin());
    const request = { path: pathname.slice(prefix.length), search: new URLSearchParams(search), headers };
    this.#server.handleUpgrade(incoming, socket, head, (ws) => this.#connect(ws, request));
  }

  close(): void {
    this.#stopSweep();
    this.#server.close();
  }

  #connect(ws: WebSocket, request: Request): void {
    const connection = new Connection(ws, this.#parts);
    this.#connections.add(connection);
    ws.on("close", () => {
      this.#connections.delete(connection);
      connection.gone();
    });
    connection.follow(request).catch((thrown) => connection.end(failed(Failure.from(thrown))));
  }

  #sweep(): void {
    const deadline = this.#parts.clock.now() - this.#parts.limits.idleAfterMs;
    for (const connection of this.#connections) if (connection.heardMs <= deadline) connection.end(ends.idle);
  }
}

interface WebSocketParts {
  readonly gate: Gate;
  readonly clock: Clock;
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
class Connection implements Sink {
  heardMs: number;
  readonly #ws: WebSocket;
  readonly #stream: Duplex | undefined;
  readonly #parts: WebSocketParts;
  #session: Session | undefined;
  #isGone = false;

  constructor(ws: WebSocket, parts: WebSocketParts) {
    this.#ws = ws;
    this.#stream = rawStreamOf(ws);
    this.#parts = parts;
    this.heardMs = parts.clock.now();
    // What the client says waits in the socket until there is a session to hear it.
    ws.pause();
    ws.on("message", (data, isBinary) => this.#hear(data, isBinary));
    ws.on("ping", () => this.#touch());
    // The close that follows every error says it all.
    ws.on("error", () => {});
    streamOf(ws)?.on("drain", () => this.#session?.drained());
  }

  async follow(request: Request): Promise<void> {
    const { channel, query, since } = this.#parts.gate.admit(request);
    const opening = await channel.open(query, since);
    if (this.#isGone) return;
    this.#session = channel.join(query, this);
    this.#session.begin(opening);
    this.#ws.resume();
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
  }

  #hear(data: RawData, isBinary: boolean): void {
    this.#touch();
    if (this.#isGone || !this.#session) return;
    try {
      if (isBinary) throw new Failure("invalid_message", "A message must be text, not binary");
      const answer = receive(data.toString(), this.#session);
      if (answer) this.write(new Batch([answer]));
    } catch (thrown) {
      this.end(failed(Failure.from(thrown)));
    }
  }

  #touch(): void {
    this.heardMs = this.#parts.clock.now();
  }
}

/** Answers an upgrade request that will not become a WebSocket. */
function refuse(socket: Duplex, { status, frame }: Failure): void {
  const { bytes } = frame;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "Content-Type: application/json; charset=utf-8",
    `Content-Length: ${bytes.length}`,
    "Connection: close",
  ];
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
