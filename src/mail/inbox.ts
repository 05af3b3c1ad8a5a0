import { isolated, type Report } from "../protocol/background.ts";
import type { Clock } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import { inboxSubject, type Letter } from "../protocol/letter.ts";
import type { Archive } from "./archive.ts";
import type { Docket } from "./docket.ts";
import type { MailLimits } from "./duty.ts";
import type { Herald } from "./herald.ts";
import { delivered, failed, isOver, payloadLost } from "./status.ts";

/** How much payload one answer brings at the most, but for a single larger letter; in UTF-16 units. */
const mostPayload = 4 * 1024 * 1024;

/** The way of letters to agents that come for them instead of listening on the bus. */
export class Inbox {
  readonly #parts: InboxParts;
  readonly #held = new Set<Hold>();
  #isClosed = false;

  constructor(parts: InboxParts) {
    this.#parts = parts;
  }

  /** Those who wait. */
  get waiting(): ReadonlySet<{ end(): void }> {
    return this.#held;
  }

  /**
   * Gives an agent its letters, which are delivered by that; waits for the first one when there is none.
   *
   * Throws `bus_away`.
   */
  async take({ org, agent, limit, waitMs, signal }: Visit): Promise<Letter[]> {
    const { archive, clock, docket, report } = this.#parts;
    archive.assureOpen();
    const inbox = inboxSubject(org, agent);
    const deadline = clock.now() + waitMs;
    const hold = new Hold();
    const stops = [docket.listen(inbox, () => hold.wake()), clock.after(waitMs, () => hold.end())];
    const leave = isolated("waiting for messages", () => hold.end(), report);
    signal.addEventListener("abort", leave);
    this.#held.add(hold);
    try {
      for (;;) {
        hold.rest();
        const letters = signal.aborted ? [] : await this.#claim(docket.free(inbox), limit);
        const isWaiting = letters.length === 0 && clock.now() < deadline && !this.#isClosed;
        if (!isWaiting || !(await hold.news())) return letters;
      }
    } finally {
      for (const stop of stops) stop();
      signal.removeEventListener("abort", leave);
      this.#held.delete(hold);
    }
  }

  /** Lets everybody go who waits; nobody waits from now on. */
  close(): void {
    this.#isClosed = true;
    for (const hold of this.#held) hold.end();
  }

  async #claim(subjects: readonly string[], limit: number): Promise<Letter[]> {
    const letters: Letter[] = [];
    let size = 0;
    for (const subject of subjects) {
      if (letters.length >= limit || (size > 0 && size >= mostPayload)) break;
      const letter = await this.#claimOne(subject).catch((thrown: unknown) => {
        // What is claimed is with its receiver, also when the bus has gone away since.
        if (letters.length === 0) throw thrown;
        return undefined;
      });
      if (letter === undefined) continue;
      letters.push(letter);
      size += letter.payload.length;
    }
    return letters;
  }

  /** A letter that is ours now; undefined when another one has it. */
  async #claimOne(subject: string): Promise<Letter | undefined> {
    const { archive, herald, clock, limits } = this.#parts;
    const found = await archive.find(subject);
    const nowMs = clock.now();
    if (!found || isOver(found.letter) || found.letter.held_ms > nowMs) return undefined;
    if (found.letter.attempts >= limits.letterAttempts) return undefined;
    const payload = await archive.payloads.read(subject, found.letter);
    const moment = { nowMs, retryMs: limits.letterRetryMs };
    const after = payload === undefined ? failed(found.letter, payloadLost, nowMs) : delivered(found.letter, moment);
    try {
      await archive.put(subject, after, found.position);
    } catch (thrown) {
      if (thrown instanceof Failure && thrown.code === "conflict") return undefined;
      throw thrown;
    }
    await herald.tellNow(subject, after);
    return payload === undefined ? undefined : { ...after, payload };
  }
}

interface InboxParts {
  readonly report: Report;
  readonly archive: Archive;
  readonly herald: Herald;
  readonly docket: Docket;
  readonly clock: Clock;
  readonly limits: MailLimits;
}

/** An agent that comes for its letters. */
export interface Visit {
  readonly org: string;
  readonly agent: string;
  /** How many letters at most. */
  readonly limit: number;
  readonly waitMs: number;
  /** Says that the agent has gone. */
  readonly signal: AbortSignal;
}

/** One who waits for news, until there will be none. */
class Hold {
  #signal = Promise.withResolvers<boolean>();
  #isOver = false;

  /** What was heard so far is no news any more. */
  rest(): void {
    if (!this.#isOver) this.#signal = Promise.withResolvers<boolean>();
  }

  wake(): void {
    this.#signal.resolve(true);
  }

  end(): void {
    this.#isOver = true;
    this.#signal.resolve(false);
    // It may have been woken before.
    this.#signal = { ...this.#signal, promise: Promise.resolve(false) };
  }

  /** Whether there is news; false when it is over. */
  news(): Promise<boolean> {
    return this.#signal.promise;
  }
}
