import type { Leased, Leases } from "../auth/leases.ts";
import { whoIs } from "../auth/principal.ts";
import type { Channel } from "../hub/channel.ts";
import type { Opening } from "../hub/past.ts";
import type { Session } from "../hub/session.ts";
import type { Sink } from "../hub/sink.ts";
import type { View } from "../hub/view.ts";
import type { Attendance, Attending, Farewell } from "../metrics/attendance.ts";
import { isolated, type Report } from "../protocol/background.ts";
import type { Batch } from "../protocol/batch.ts";
import type { Clock } from "../protocol/clock.ts";
import { type End, ends } from "../protocol/end.ts";
import { Failure } from "../protocol/failure.ts";
import { type Line, Repetition } from "../protocol/frame.ts";
import { echoed } from "../protocol/limits.ts";
import type { Gate } from "./admit.ts";
import type { Admission, Guest, Request, StreamAdmission } from "./guest.ts";
import { PollBodies } from "./poll-body.ts";
import { hasCursor, pollPage } from "./poll-page.ts";
import { PollTurns } from "./poll-turns.ts";

/** Streams by polling, at `/poll/<stream>`: one JSON array of frames an answer. */
export class Polls {
  readonly #parts: PollParts;
  readonly #held = new Set<Hold>();
  readonly #bodies = new PollBodies();
  readonly #turns = new PollTurns();

  constructor(parts: PollParts) {
    this.#parts = parts;
  }

  get connections(): ReadonlySet<{ end(end: End): void }> {
    return this.#held;
  }

  /** Answers a request, at once or after `wait` seconds at the most. Throws the Failure when it is refused. */
  async serve(request: Request, signal: AbortSignal): Promise<Response> {
    const waitMs = this.#waitMs(request.search.get("wait"));
    const guest = await this.#parts.gate.welcome(request, "reads");
    const admission = onlyOne(guest.look());
    const first = await this.#turns.take(whoIs(guest.principal).principal ?? request.address, () =>
      this.#first(guest, admission, signal),
    );
    let readBytes = 0;
    try {
      const found = await this.#find(guest, { ...admission, ...first, waitMs, signal });
      const { response, bytes } = this.#answer(found, request.headers);
      readBytes = bytes;
      return response;
    } finally {
      first.settle(readBytes);
    }
  }

  /** What there is already. Throws `too_many_reads` when what was read before is not paid for yet. */
  async #first(guest: Guest, { channel, view, since }: StreamAdmission, signal: AbortSignal): Promise<First> {
    if (signal.aborted) throw new Failure("bad_request", "The client has gone");
    const settle = guest.read(since === undefined ? channel.greetings.lastSize : 0);
    try {
      const opening = await channel.open(view, since);
      return { opening, settle, ...(await pollPage({ channel, view, signal }, opening)) };
    } catch (thrown) {
      settle(0);
      throw thrown;
    }
  }

  async #find(guest: Guest, asked: StreamAdmission & First & Patience): Promise<Found> {
    const { channel, view, name, opening, frames, more, waitMs, signal } = asked;
    const isWorthWaiting = frames.length === 0 && waitMs > 0;
    const found = isWorthWaiting ? await this.#hold(guest, { channel, view, name, opening, waitMs, signal }) : frames;
    const cursor = found.findLast(hasCursor)?.cursor ?? opening.frames.findLast(hasCursor)?.cursor;
    return { frames: found, cursor, more, isOver: !more && channel.isOver };
  }

  /** The answer, and how many bytes were read for it: none for what the client has and was encoded before. */
  #answer({ frames, cursor, more, isOver }: Found, headers: Headers): { response: Response; bytes: number } {
    const isNew = !this.#bodies.has(frames);
    const body = this.#bodies.of(frames);
    const common = {
      ETag: body.etag,
      "Cache-Control": "no-cache",
      ...(cursor === undefined ? {} : { "Skein-Cursor": cursor }),
      ...(more ? { "Skein-More": "1" } : {}),
      ...(isOver ? { "Skein-End": ends.done.reason } : {}),
    };
    if (headers.get("if-none-match") === body.etag) {
      return { response: new Response(null, { status: 304, headers: common }), bytes: isNew ? body.size : 0 };
    }
    const type = { "Content-Type": "application/json; charset=utf-8", "Content-Length": String(body.size) };
    return { response: new Response(body.content(), { headers: { ...common, ...type } }), bytes: body.size };
  }

  #waitMs(text: string | null): number {
    const { pollWaitMaxMs } = this.#parts.limits;
    if (text === null) return 0;
    const most = pollWaitMaxMs / 1000;
    const seconds = /^\d{1,4}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
    if (seconds <= most) return seconds * 1000;
    throw new Failure("bad_query", `Query parameter "wait": must be a number of seconds from 0 to ${most}`);
  }

  async #hold(guest: Guest, { channel, view, name, opening, waitMs, signal }: Wait): Promise<readonly Line[]> {
    const { attendance } = this.#parts;
    guest.stay();
    const { promise, resolve } = Promise.withResolvers<readonly Line[]>();
    const hold = new Hold(guest, name, resolve);
    const lease = this.#parts.leases.take(guest.principal, hold);
    const session = channel.join(view, hold);
    // Of a stream that is over nothing comes, and whoever asks again and again must not be answered at once.
    if (!opening.over) hold.follow(session, opening);
    const stop = this.#parts.clock.after(waitMs, () => resolve([]));
    const giveUp = isolated("a poll that is given up", () => resolve([]), this.#parts.report);
    signal.addEventListener("abort", giveUp);
    this.#held.add(hold);
    attendance.arrive(hold);
    try {
      return await promise;
    } finally {
      stop();
      signal.removeEventListener("abort", giveUp);
      this.#held.delete(hold);
      // Whoever polls comes and goes; only what went wrong is worth remembering.
      attendance.depart(hold, hold.fault);
      session.gone();
      lease.release();
      guest.leave();
    }
  }
}

/** Whoever polls asks for one stream at a time. Throws `bad_query`. */
function onlyOne(admission: Admission): StreamAdmission {
  if (admission.kind === "stream") return admission;
  if (admission.kind === "many")
    throw new Failure("bad_query", "Streams are polled one at a time, each at /poll/ and its path");
  const { path, room } = admission.definition;
  throw new Failure(
    "bad_query",
    `"${path}" cannot be polled; poll its rooms one at a time, each at /poll/${room.path}`,
  );
}

interface PollParts {
  readonly gate: Gate;
  readonly leases: Leases;
  readonly attendance: Attendance;
  readonly clock: Clock;
  /** Takes an exception that no request can answer for. */
  readonly report: Report;
  readonly limits: {
    /** How long a request may be held. */
    readonly pollWaitMaxMs: number;
  };
}

/** How long a client waits for news, and what says that it has gone. */
interface Patience {
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

interface Wait extends Patience {
  readonly channel: Channel;
  readonly view: View;
  readonly name: string;
  readonly opening: Opening;
}

/** A held request: the sink of a session that ends with its first frames. */
class Hold implements Sink, Leased, Attending {
  readonly transport = "poll";
  readonly guest: Attending["guest"];
  /** Its answer is its end. */
  readonly sentFrames = 0;
  readonly sentBytes = 0;
  readonly behind = 0;
  #end: End | undefined;
  readonly #resolve: (frames: readonly Line[]) => void;
  #session: Session | undefined;

  constructor({ principal }: Guest, stream: string, resolve: (frames: readonly Line[]) => void) {
    this.guest = { principal, streams: [echoed(stream)] };
    this.#resolve = resolve;
  }

  /** How it ended, when that was not as it should be. */
  get fault(): Farewell | undefined {
    return this.#end && this.#end.code !== ends.done.code ? { by: "gateway", ...this.#end } : undefined;
  }

  follow(session: Session, opening: Opening): void {
    this.#session = session;
    // The greeting is left out: the client only waits for what comes next.
    session.begin({ ...opening, batches: [] });
  }

  /** Its next request comes with a new token, or is refused. */
  say(): void {}

  write(batch: Batch): boolean {
    const news = batch.frames.filter((frame) => !(frame instanceof Repetition));
    if (news.length === 0) return true;
    this.#resolve(news);
    return false;
  }

  end(end: End): void {
    this.#end ??= end;
    this.#session?.gone();
    this.#resolve(end.frame ? [end.frame] : []);
  }

  pendingBytes(): number {
    return 0;
  }
}

interface First {
  readonly opening: Opening;
  readonly frames: readonly Line[];
  readonly more: boolean;
  /** Counts the bytes that were read for the answer. */
  readonly settle: (bytes: number) => void;
}

interface Found {
  readonly frames: readonly Line[];
  /** Where the client stands now. */
  readonly cursor: string | undefined;
  /** Whether there is more already, which the next request is answered with at once. */
  readonly more: boolean;
  /** Whether nothing will ever follow. */
  readonly isOver: boolean;
}
