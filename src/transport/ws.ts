import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { Attendance } from "../metrics/attendance.ts";
import { inBackground, isolated } from "../protocol/background.ts";
import type { Stop } from "../protocol/clock.ts";
import { type End, ends, failed } from "../protocol/end.ts";
import { Failure } from "../protocol/failure.ts";
import { echoed } from "../protocol/limits.ts";
import type { Gate } from "./admit.ts";
import type { Guest, Request } from "./guest.ts";
import { refuse, sayable, turnAway } from "./refusal.ts";
import { headersOf } from "./socket.ts";
import { Connection, type ConnectionParts } from "./ws-connection.ts";

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
    if (!groups) throw new Failure("not_found", `No WebSocket at "${echoed(pathname)}"`);
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
    for (const connection of this.#connections) if (connection.isIdleSince(deadline)) connection.end(ends.idle);
  }
}

interface WebSocketParts extends ConnectionParts {
  readonly gate: Gate;
  readonly attendance: Attendance;
  /** Where a request comes from, as limits count it. */
  readonly addressOf: (incoming: IncomingMessage) => string;
  readonly limits: ConnectionParts["limits"] & {
    /** The largest message that a client may send, in bytes. */
    readonly maxMessageBytes: number;
    /** How long a client may be silent. */
    readonly idleAfterMs: number;
  };
}
