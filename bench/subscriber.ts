import { createConnection, type Socket } from "node:net";
import type { Clock } from "./clock.ts";
import { MarkReader } from "./mark.ts";
import { Order } from "./order.ts";
import type { Inbox, Reader, Span } from "./reader.ts";
import { EventReader } from "./sse.ts";
import type { Tally } from "./tally.ts";
import { maskedText, upgradeHeaders, WebSocketReader } from "./websocket.ts";

/** How the frames travel. */
export type Transport = "ws" | "sse";

/** How to become a subscriber of a server. */
export interface Dialect {
  readonly transport: Transport;
  readonly port: number;
  readonly path: string;
  /** Text that says the subscription is live; undefined when the HTTP answer says so. */
  readonly opensWith: string | undefined;
  /** Messages of the server that want an answer: how they start, and the answer. */
  readonly answers: readonly (readonly [start: string, answer: string])[];
  /** A message to send every 30 s, for servers that want to hear from their clients. */
  readonly keepalive: string | undefined;
}

/** What all subscribers of one process share. */
export interface Room {
  readonly slab: Buffer;
  /** Where reads land in the slab; what was left over from the read before is put in front of it. */
  readonly landing: number;
  readonly clock: Clock;
  readonly tally: Tally;
}

const keepaliveEveryMs = 30_000;

/** One client: a raw TCP socket that asks for a stream and checks what it gets. */
export class Subscriber implements Inbox {
  readonly order: Order;
  readonly opened: Promise<void>;
  readonly #dialect: Dialect;
  readonly #room: Room;
  readonly #socket: Socket;
  readonly #mark = new MarkReader();
  readonly #span: Span = { from: 0, fresh: 0, end: 0 };
  readonly #opening = Promise.withResolvers<void>();
  #reader: Reader | undefined;
  #rest = Buffer.alloc(0);
  #nowUs = 0;
  #keepalive: NodeJS.Timeout | undefined;
  #over = false;

  constructor(dialect: Dialect, room: Room) {
    this.#dialect = dialect;
    this.#room = room;
    this.order = new Order(room.tally.total);
    this.opened = this.#opening.promise;
    const buffer = room.slab.subarray(room.landing);
    const callback = (count: number) => this.#take(count);
    this.#socket = createConnection({
      host: "127.0.0.1",
      port: dialect.port,
      noDelay: true,
      onread: { buffer, callback },
    });
    this.#socket.on("error", (error) => this.fail(error.message));
    this.#socket.on("close", () => this.fail("connection closed"));
    this.#socket.write(requestOf(dialect));
  }

  /** Ends the connection; nothing of it counts from here on. */
  close(): void {
    this.#over = true;
    clearInterval(this.#keepalive);
    this.#socket.destroy();
  }

  fail(reason: string): void {
    if (this.#over) return;
    this.close();
    this.#room.tally.lost(reason);
    this.#opening.reject(new Error(reason));
  }

  reply(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  text(slab: Buffer, start: number, end: number): void {
    if (this.#mark.read(slab, start, end)) this.#frame(this.#mark);
    else this.#notice(slab.toString("utf8", start, end));
  }

  #frame(mark: MarkReader): void {
    const before = this.order.complete;
    if (!this.order.take(mark.seq)) return;
    this.#room.tally.delivered(mark, this.#nowUs);
    if (this.order.complete !== before) this.#room.tally.completed();
  }

  #notice(text: string): void {
    if (text.includes('"reason":"lagged"')) this.order.lagged++;
    if (text.includes('"type":"error"')) this.fail(text);
    const { opensWith, answers } = this.#dialect;
    if (opensWith !== undefined && text.includes(opensWith)) this.#open();
    const answer = answers.find(([begins]) => text.startsWith(begins));
    if (answer) this.reply(maskedText(answer[1]));
  }

  #take(count: number): boolean {
    const { slab, landing, clock } = this.#room;
    this.#nowUs = clock.now();
    const span = this.#span;
    span.from = landing - this.#rest.length;
    span.fresh = landing;
    span.end = landing + count;
    if (span.from < 0) this.fail("a frame larger than this reader takes");
    if (this.#over) return false;
    this.#rest.copy(slab, span.from);
    if (this.#reader || this.#readHead(slab, span)) this.#reader?.read(slab, span);
    this.#rest = span.from === span.end ? empty : Buffer.from(slab.subarray(span.from, span.end));
    return !this.#over;
  }

  #readHead(slab: Buffer, span: Span): boolean {
    const text = slab.toString("latin1", span.from, span.end);
    const length = text.indexOf("\r\n\r\n") + 4;
    if (length < 4) return false;
    const head = text.slice(0, length);
    const status = this.#dialect.transport === "ws" ? "101" : "200";
    if (head.slice(9, 12) !== status) this.fail(`${head.split("\r\n", 1)[0]} ${text.slice(length)}`.trim());
    this.#reader = this.#dialect.transport === "ws" ? new WebSocketReader(this) : new EventReader(this, head);
    span.from += length;
    span.fresh = span.from;
    if (this.#dialect.opensWith === undefined) this.#open();
    return true;
  }

  #open(): void {
    this.#opening.resolve();
    const { keepalive } = this.#dialect;
    if (keepalive === undefined || this.#keepalive || this.#over) return;
    this.#keepalive = setInterval(() => this.reply(maskedText(keepalive)), keepaliveEveryMs);
  }
}

const empty = Buffer.alloc(0);

/** The request that asks a server for the stream. */
export function requestOf(dialect: Dialect): string {
  const { transport, port, path } = dialect;
  const headers = transport === "ws" ? upgradeHeaders() : "Accept: text/event-stream\r\n";
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${headers}\r\n`;
}
