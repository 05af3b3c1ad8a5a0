import type { AnyFrame } from "./frame.ts";
import type { Abort, Answer } from "./surroundings.ts";
import {
  ask,
  type ErrorFrame,
  endingBy,
  fromThere,
  type Hear,
  isError,
  lost,
  type Place,
  turnedAway,
  type Wire,
} from "./wire.ts";

/** How many requests are open at a time. */
const mostAtOnce = 4;
const heldSeconds = 25;
/** Between two answers to one stream that was not held. */
const pauseMs = 3000;
/** Between two answers to one stream at least. */
const breathMs = 250;

/** A stream that is polled. */
interface Job {
  /** Whether there was an answer: the first request is not held. */
  isKnown: boolean;
  /** Whether it is to be asked for. */
  isDue: boolean;
  etag: string;
  request: Abort | undefined;
}

/** Streams by polling: each alone, held as long as there are few of them. */
export class PollWire implements Wire {
  readonly #place: Place;
  readonly #hear: Hear;
  readonly #jobs = new Map<string, Job>();
  #running = 0;
  /** Whether the gateway holds requests as long as we want. */
  #canHold = true;

  constructor(place: Place, hear: Hear) {
    this.#place = place;
    this.#hear = hear;
  }

  get #isHeld(): boolean {
    return this.#canHold && this.#jobs.size <= mostAtOnce;
  }

  follow(name: string): void {
    this.#jobs.set(name, { isKnown: false, isDue: true, etag: "", request: undefined });
    // What is held would keep the others waiting.
    if (!this.#isHeld) for (const { request } of this.#jobs.values()) request?.abort();
    this.#go();
  }

  leave(name: string): void {
    const job = this.#jobs.get(name);
    this.#jobs.delete(name);
    job?.request?.abort();
  }

  check(): void {
    for (const job of this.#jobs.values()) {
      job.isKnown = false;
      job.request?.abort();
    }
  }

  close(): void {
    for (const name of this.#jobs.keys()) this.leave(name);
  }

  #go(): void {
    for (const [name, job] of [...this.#jobs]) {
      if (!job.isDue || this.#running >= mostAtOnce) continue;
      // Whoever was asked for last is the last to be asked for again.
      this.#jobs.delete(name);
      this.#jobs.set(name, job);
      void this.#poll(name, job);
    }
  }

  async #poll(name: string, job: Job): Promise<void> {
    const request = this.#place.surroundings.abort();
    let pause = 0;
    job.request = request;
    job.isDue = false;
    this.#running += 1;
    try {
      pause = await this.#ask(name, job, request.signal);
    } catch {
      if (!request.signal.aborted) this.#hear("ended", lost);
    }
    this.#running -= 1;
    this.#go();
    this.#place.surroundings.after(request.signal.aborted ? 0 : pause, () => {
      job.isDue = true;
      this.#go();
    });
  }

  /** Asks once; gives how long to wait before the next time. */
  async #ask(name: string, job: Job, signal: Abort["signal"]): Promise<number> {
    const { since } = this.#place.start(name);
    const isHeld = this.#isHeld && job.isKnown && since !== undefined;
    const headers = { "If-None-Match": job.etag };
    const path = since ? fromThere(name, since) + (isHeld ? `&wait=${heldSeconds}` : "") : name;
    const answer = await ask(this.#place, `poll/${path}`, { headers, signal });
    if (signal.aborted) return 0;
    const isEmpty = answer.status === 304;
    if (answer.status !== 200 && !isEmpty) return this.#turnAway(name, answer, signal);
    const frames: unknown = isEmpty ? [] : JSON.parse(await answer.text());
    if (!Array.isArray(frames)) throw lost;
    this.#take(name, frames, signal);
    if (signal.aborted) return 0;
    job.isKnown = true;
    job.etag = answer.headers.get("ETag") ?? job.etag;
    this.#hear("moved", name, answer.headers.get("Skein-Cursor") ?? undefined);
    if (answer.headers.get("Skein-End")) this.#end(name, "done");
    return this.#isHeld && this.#place.start(name).since !== undefined ? breathMs : pauseMs;
  }

  #take(name: string, frames: readonly AnyFrame[], signal: Abort["signal"]): void {
    if (signal.aborted) return;
    this.#hear("heard");
    for (const frame of frames) {
      if (signal.aborted) return;
      if (!isError(frame)) this.#hear("frame", name, frame);
      else if (/^token_|^shutting/.test(frame.code)) this.#hear("ended", endingBy(frame));
      else this.#refuse(name, frame);
    }
  }

  async #turnAway(name: string, answer: Answer, signal: Abort["signal"]): Promise<number> {
    const why = await turnedAway(answer, this.#place);
    if (signal.aborted) return 0;
    if (!isError(why)) this.#hear("ended", why);
    // A gateway may hold requests for less long than we would like.
    else if (this.#canHold && /"wait"/.test(why.message)) this.#canHold = false;
    else this.#refuse(name, why);
    return 0;
  }

  #refuse(name: string, error: ErrorFrame): void {
    this.#hear("heard");
    this.#hear("frame", name, error);
    this.#end(name, error.code);
  }

  #end(name: string, reason: string): void {
    this.leave(name);
    this.#hear("frame", name, { type: "unsubscribed", reason });
  }
}
