import { createConnection, type Socket } from "node:net";
import type { Inbox, Reader, Span } from "../reader.ts";
import { EventReader } from "../sse.ts";
import { type Dialect, requestOf, type Transport } from "../subscriber.ts";
import { maskedText, WebSocketReader } from "../websocket.ts";

/** Where reads land; what was left over from the read before stands in front. A frame of lines may be long. */
const landing = 8 * 1024 * 1024;
const readBytes = 256 * 1024;
const keepaliveEveryMs = 30_000;
const dataField = Buffer.from("data: ");
const empty = Buffer.alloc(0);

/** What is asked of a gateway. */
export interface LogRequest {
  readonly transport: Transport;
  readonly port: number;
  /** The log's name. */
  readonly name: string;
  readonly backlog: number;
}

/** A raw TCP socket that asks for a log and hands on each frame as JSON. */
export class LogSocket implements Inbox {
  readonly #transport: Transport;
  readonly #frame: (json: string) => void;
  readonly #failed: (reason: string) => void;
  readonly #socket: Socket;
  readonly #slab = Buffer.allocUnsafeSlow(landing + readBytes);
  readonly #span: Span = { from: 0, fresh: 0, end: 0 };
  readonly #keepalive: NodeJS.Timeout;
  #reader: Reader | undefined;
  #rest: Buffer = empty;
  #isOver = false;

  constructor(request: LogRequest, frame: (json: string) => void, failed: (reason: string) => void) {
    this.#transport = request.transport;
    this.#frame = frame;
    this.#failed = failed;
    const buffer = this.#slab.subarray(landing);
    const callback = (count: number) => this.#take(count);
    this.#socket = createConnection({
      host: "127.0.0.1",
      port: request.port,
      noDelay: true,
      onread: { buffer, callback },
    });
    this.#socket.on("error", (error) => this.fail(error.message));
    this.#socket.on("close", () => this.fail("connection closed"));
    this.#socket.write(requestOf(dialectOf(request)));
    this.#keepalive = setInterval(() => this.#ping(), keepaliveEveryMs);
  }

  close(): void {
    this.#isOver = true;
    clearInterval(this.#keepalive);
    this.#socket.destroy();
  }

  text(slab: Buffer, start: number, end: number): void {
    if (this.#transport === "ws") return this.#frame(slab.toString("utf8", start, end));
    const at = slab.subarray(start, end).indexOf(dataField);
    if (at >= 0) this.#frame(slab.toString("utf8", start + at + dataField.length, end));
  }

  reply(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  fail(reason: string): void {
    if (this.#isOver) return;
    this.close();
    this.#failed(reason);
  }

  #ping(): void {
    if (this.#transport === "ws") this.reply(maskedText('{"type":"ping"}'));
  }

  #take(count: number): boolean {
    const span = this.#span;
    span.from = landing - this.#rest.length;
    span.fresh = landing;
    span.end = landing + count;
    if (span.from < 0) this.fail("a frame larger than this reader takes");
    if (this.#isOver) return false;
    this.#rest.copy(this.#slab, span.from);
    if (this.#reader || this.#readHead(span)) this.#reader?.read(this.#slab, span);
    this.#rest = span.from === span.end ? empty : Buffer.from(this.#slab.subarray(span.from, span.end));
    return !this.#isOver;
  }

  #readHead(span: Span): boolean {
    const text = this.#slab.toString("latin1", span.from, span.end);
    const length = text.indexOf("\r\n\r\n") + 4;
    if (length < 4) return false;
    const head = text.slice(0, length);
    const status = this.#transport === "ws" ? "101" : "200";
    if (head.slice(9, 12) !== status) this.fail(`${head.split("\r\n", 1)[0]} ${text.slice(length)}`.trim());
    this.#reader = this.#transport === "ws" ? new WebSocketReader(this) : new EventReader(this, head);
    span.from += length;
    span.fresh = span.from;
    return true;
  }
}

function dialectOf({ transport, port, name, backlog }: LogRequest): Dialect {
  const path = `/${transport}/instances/${name}/logs?backlog=${backlog}`;
  return { transport, port, path, opensWith: undefined, answers: [], keepalive: undefined };
}
