import { inBackground } from "../protocol/background.ts";
import { Failure } from "../protocol/failure.ts";
import type { LogBacklog, LogPlace, LogReading } from "../protocol/log.ts";
import { type BytesPiece, type FollowedLog, readAfter, readBacklog, readBytes } from "./reading.ts";
import type { FollowParts } from "./rules.ts";
import { Trail } from "./trail.ts";

export type { FollowParts, FollowRules } from "./rules.ts";

/** About as much as fits into one message. */
const answerBytes = 512 * 1024;

/**
 * Follows one log and answers what is asked about it.
 *
 * Looks and answers take turns: no answer sees half a step.
 */
export class Follower {
  readonly #parts: FollowParts;
  readonly #trail: Trail;
  #turn: Promise<unknown> = Promise.resolve();
  #ticking: Promise<void> | undefined;
  #again = false;
  #isClosed = false;

  constructor(parts: FollowParts) {
    this.#parts = parts;
    const { onException = console.error } = parts;
    this.#trail = new Trail(parts, () => inBackground("looking at a log", this.tick(), onException));
  }

  /** After the last emitted step; undefined while there has never been a file. */
  get place(): LogPlace | undefined {
    return this.#trail.current?.place;
  }

  /** Whether something is about to happen, so that who polls looks again soon. */
  get isRestless(): boolean {
    return this.#trail.isRestless;
  }

  /** Opens the file if it is there. Throws `forbidden` when it leads out of the root. */
  start(): Promise<void> {
    return this.#inTurn(() => this.#trail.begin());
  }

  /** Looks at the file and reads what is new; a call while one is under way makes it look once more. Never rejects. */
  tick(): Promise<void> {
    this.#again = true;
    this.#ticking ??= this.#look().finally(() => {
      this.#ticking = undefined;
    });
    return this.#ticking;
  }

  /**
   * The steps from a place (null: from the start of the file that is there) to another one, at most `limitBytes` of JSON
   * unless one line alone is more. Default: to `place`, half a MiB.
   *
   * A generation may have another name in them than in `since`: the one by which its steps are emitted.
   */
  after(since: LogPlace | null, upTo?: LogPlace, limitBytes = answerBytes): Promise<LogReading> {
    return this.#ask((log) => readAfter(log, since, upTo ?? log.current.place, limitBytes));
  }

  /** The newest lines before a place, at most `limitBytes` of JSON. Default: before `place`, half a MiB. */
  backlog(lines: number, upTo?: LogPlace, limitBytes = answerBytes): Promise<LogBacklog> {
    return this.#ask((log) => readBacklog(log, lines, upTo ?? log.current.place, limitBytes));
  }

  /**
   * The file's bytes from an offset on, at most `most` and a MiB. Default: of the file that is there, half a MiB.
   *
   * Throws `conflict` when the generation cannot be had any more, `instance_not_found` when there has never been a file.
   */
  async bytes(generation: string | undefined, from: number, most = answerBytes): Promise<BytesPiece> {
    const piece = await this.#ask((log) => readBytes(log, generation, from, most));
    if ("lost" in piece) throw new Failure("instance_not_found", "The log's file is gone");
    return piece;
  }

  /** Lets go of files and watches, when what is under way has ended. */
  close(): Promise<void> {
    this.#isClosed = true;
    return this.#inTurn(() => this.#trail.close());
  }

  async #look(): Promise<void> {
    while ((this.#again || this.#trail.hasMore) && !this.#isClosed) {
      this.#again = false;
      try {
        await this.#inTurn(() => this.#trail.look());
      } catch {
        // What cannot be read now is tried again with the next look.
        return;
      }
    }
  }

  #ask<Answer>(question: (log: FollowedLog) => Promise<Answer>): Promise<Answer | { readonly lost: true }> {
    return this.#inTurn(async () => {
      const { current, house, late } = this.#trail;
      if (!current || this.#isClosed) return { lost: true } as const;
      const { clock, rules } = this.#parts;
      return question({ house, current, late, maxLineBytes: rules.maxLineBytes, nowMs: clock.now() });
    });
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#turn.then(work);
    // The caller of this turn gets the reason; the next turn comes all the same.
    this.#turn = turn.catch(() => {});
    return turn;
  }
}
