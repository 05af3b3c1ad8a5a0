import type { Duplex } from "node:stream";
import { type RawData, WebSocket } from "ws";
import type { Guard } from "../auth/guard.ts";
import type { Lease, Leased, Leases } from "../auth/leases.ts";
import type { Attending, Farewell } from "../metrics/attendance.ts";
import { inBackground, isolated } from "../protocol/background.ts";
import { Batch } from "../protocol/batch.ts";
import type { Clock } from "../protocol/clock.ts";
import { type End, failed } from "../protocol/end.ts";
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
import { type AnswerLimits, Answers } from "./answers.ts";
import type { Guest } from "./guest.ts";
import { open } from "./open.ts";
import type { Outlet, Script } from "./script.ts";
import { sentBytes, untakenBytes } from "./socket.ts";
import { rawStreamOf, streamOf } from "./ws-stream.ts";

/** What a connection needs. */
export interface ConnectionParts {
  readonly guard: Guard;
  readonly leases: Leases;
  readonly clock: Clock;
  /** Hears of every defect of ours that ended a connection. */
  readonly report: (fault: unknown) => void;
  readonly limits: AnswerLimits;
}

/** One WebSocket: the way out of its script. */
export class Connection implements Outlet, Leased, Attending {
  readonly transport = "ws";
  readonly guest: Guest;
  #heardMs: number;
  /** Whether the client is not listened to, because its socket is full. */
  #isPaused = false;
  readonly #answers: Answers;
  sentFrames = 0;
  readonly #ws: WebSocket;
  readonly #stream: Duplex | undefined;
  readonly #lease: Lease;
  readonly #parts: ConnectionParts;
  #script: Script | undefined;
  /** What was said before the first frame of the stream. */
  #early: Frame | undefined;
  /** Why we ended it. */
  #end: End | undefined;
  #isGone = false;

  constructor(ws: WebSocket, guest: Guest, parts: ConnectionParts) {
    this.#ws = ws;
    this.#stream = rawStreamOf(ws);
    this.guest = guest;
    this.#parts = parts;
    this.#heardMs = parts.clock.now();
    this.#answers = new Answers(parts.limits);
    // What the client says waits in the socket until there is a session to hear it.
    ws.pause();
    const { report } = parts;
    const hear = (data: RawData, isBinary: boolean) => this.#hear(data, isBinary);
    ws.on("message", isolated("hearing a client", hear, report));
    const ping = () => this.#ping();
    ws.on("ping", isolated("hearing a client", ping, report));
    // The close that follows every error says it all.
    ws.on("error", () => {});
    const drained = () => this.#drained();
    streamOf(ws)?.on("drain", isolated("writing to a client", drained, report));
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
    if (this.#script) this.answer(new Batch([frame]));
    else this.#early = frame;
  }

  answer(batch: Batch): void {
    this.#answers.add(batch);
    this.write(batch);
    this.#settle();
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

  /** Whether the client has been silent since then; one that is not listened to cannot be. */
  isIdleSince(deadlineMs: number): boolean {
    return this.#heardMs <= deadlineMs && !this.#isPaused;
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
    this.#settle();
  }

  gone(): void {
    this.#isGone = true;
    this.#script?.gone();
    this.#lease.release();
    this.guest.leave();
  }

  #ping(): void {
    this.#touch();
    // Its pong is under way already.
    this.#pauseWhenFull();
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
    this.#pauseWhenFull();
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

  #drained(): void {
    this.#answers.clear();
    this.#script?.drained();
    if (this.#isPaused) this.#resume();
  }

  /** What a client says next would be answered into a queue: it is heard when the socket has taken what is there. */
  #pauseWhenFull(): void {
    if (!this.isFull || this.#isGone) return;
    this.#isPaused = true;
    this.#ws.pause();
  }

  #resume(): void {
    this.#isPaused = false;
    this.#touch();
    this.#ws.resume();
  }

  /** Ends a connection whose client reads none of its answers. */
  #settle(): void {
    if (this.#answers.isEmpty || this.#isGone || this.#stream?.writableCorked) return;
    if (this.#ws.bufferedAmount === 0) this.#answers.clear();
    else if (this.#answers.isOver) this.end(failed(unread()));
  }

  #touch(): void {
    this.#heardMs = this.#parts.clock.now();
  }
}

function unread(): Failure {
  return new Failure("too_many_messages", "Too many answers wait to be read; read them before you say more");
}
