import type { Report } from "../protocol/background.ts";
import type { Clock } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import type { LogPlace, LogRequest, LogStep } from "../protocol/log.ts";
import { Batcher, type BatchLimits } from "./batch.ts";
import { readRedacted } from "./download.ts";
import type { Files } from "./files.ts";
import { Follower } from "./follow.ts";
import { Interest } from "./interest.ts";
import { encode, encodeBacklog, encodeBytes, encodeReading } from "./payload.ts";
import type { Redaction } from "./redact.ts";
import type { FollowRules } from "./rules.ts";
import type { Polled } from "./sweep.ts";

/** How long a log stays open. */
export interface OpenLimits extends BatchLimits {
  /** How long a wish to follow holds, in milliseconds. Default 30,000. */
  readonly interestMs: number;
  /** How long a log stays open after a request when nobody follows it, in milliseconds. Default 5,000. */
  readonly holdMs: number;
}

/** What an open log needs. */
export interface OpenLogParts {
  readonly path: string;
  readonly root: string;
  readonly files: Files;
  readonly clock: Clock;
  /** Takes an exception that no request can answer for. */
  readonly report: Report;
  readonly limits: OpenLimits;
  readonly rules: FollowRules;
  readonly redaction: Redaction;
  readonly publish: (step: LogStep) => void | Promise<void>;
}

/** Who asks for bytes does not say who it is. */
const downloader = "a download";

/** A log that somebody follows or has just asked about. What leaves it is redacted. */
export class OpenLog implements Polled {
  readonly interest: Interest;
  readonly #parts: OpenLogParts;
  readonly #follower: Follower;
  readonly #batcher: Batcher;
  #users = 0;
  #usedMs: number;

  constructor(parts: OpenLogParts) {
    const { path, root, files, clock, rules, limits, redaction, publish, report } = parts;
    this.#parts = parts;
    this.#usedMs = clock.now();
    this.interest = new Interest(clock, limits.interestMs);
    this.#batcher = new Batcher({ clock, limits, publish, report });
    const emit = (step: LogStep) => this.#batcher.take(redaction.step(step));
    this.#follower = new Follower({ path, root, files, clock, rules, from: "end", emit, onException: report });
  }

  /** Throws `forbidden` when the file lies where it may not. */
  start(): Promise<void> {
    return this.#follower.start();
  }

  /** Where the next published step begins; undefined before there is a file. */
  get place(): LogPlace | undefined {
    return this.#batcher.place ?? this.#follower.place;
  }

  /** Whether nobody follows it, asks about it, or has just asked. */
  get isIdle(): boolean {
    const { clock, limits } = this.#parts;
    return this.#users === 0 && !this.interest.isThere && clock.now() - this.#usedMs >= limits.holdMs;
  }

  get isRestless(): boolean {
    return this.#follower.isRestless;
  }

  tick(): Promise<void> {
    return this.#follower.tick();
  }

  /** Answers what a gateway asks. Throws `instance_not_found` when the file is gone. */
  async answer(request: Question): Promise<Uint8Array> {
    switch (request.op) {
      case "follow":
        this.interest.renew(request.by);
        return encode(this.place ?? null);
      case "after":
        return this.#after(request);
      case "backlog":
        return this.#backlog(request);
      case "bytes":
        return this.#bytes(request);
    }
  }

  /** Keeps the log open while `work` is under way. */
  async use<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#users += 1;
    try {
      return await work();
    } finally {
      this.#users -= 1;
      this.#usedMs = this.#parts.clock.now();
    }
  }

  /** Forgets what was not published yet, and lets go of files and watches. */
  async close(): Promise<void> {
    this.#batcher.close();
    await this.#follower.close();
  }

  async #after({ since, upTo = this.#standing() }: Question<"after">): Promise<Uint8Array> {
    const reading = await this.#follower.after(since, upTo);
    if ("lost" in reading) return encode(reading);
    return encodeReading({ ...reading, steps: reading.steps.map((step) => this.#parts.redaction.step(step)) });
  }

  async #backlog({ lines, upTo = this.#standing() }: Question<"backlog">): Promise<Uint8Array> {
    const backlog = await this.#follower.backlog(lines, upTo);
    if ("lost" in backlog) return encode(backlog);
    return encodeBacklog({ ...backlog, lines: backlog.lines.map((line) => this.#parts.redaction.line(line)) });
  }

  async #bytes({ generation, from }: Question<"bytes">): Promise<Uint8Array> {
    // Closed and opened again the file has another generation, and a slow download would be refused its next piece.
    this.interest.renew(downloader);
    const read = (at: number, length: number) => this.#follower.bytes(generation, at, length);
    const { head, bytes } = await readRedacted(read, this.#parts.redaction, from);
    return encodeBytes(head, bytes);
  }

  /** Throws `instance_not_found`. */
  #standing(): LogPlace {
    if (this.place) return this.place;
    throw new Failure("instance_not_found", "The log's file is gone");
  }
}

/** What a gateway asks of a log that is opened for it. */
export type Question<Op extends LogRequest["op"] = "follow" | "after" | "backlog" | "bytes"> = Extract<
  LogRequest,
  { op: Op }
>;
