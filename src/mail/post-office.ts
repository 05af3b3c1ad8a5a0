import { createHash } from "node:crypto";
import type { Clock } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import { type Letter, type LetterMetadata, letterSubject } from "../protocol/letter.ts";
import { echoed } from "../protocol/limits.ts";
import type { Archive, Found } from "./archive.ts";
import type { Herald } from "./herald.ts";
import { acknowledged, holdMs, type Moment, refused } from "./status.ts";

/** What a sender says. */
export interface Draft {
  readonly from: string;
  readonly to: string;
  readonly message_type: string;
  readonly correlation_id?: string | undefined;
  /** JSON without space between its parts. */
  readonly payload: string;
}

/** What somebody says of a letter that it has got. */
export interface Word {
  readonly agent: string;
  readonly detail: string | null;
}

/** Takes letters and what their receivers say of them. */
export class PostOffice {
  readonly #parts: PostOfficeParts;

  constructor(parts: PostOfficeParts) {
    this.#parts = parts;
  }

  /**
   * Stores a letter and hands it to the courier; with a key that the sender has used before it is the same letter.
   *
   * Throws `body_too_large`, `conflict` when the key was used for another letter, `bus_away` when it may be stored or not.
   */
  async send(org: string, draft: Draft, key?: string): Promise<Sent> {
    const { archive, herald, clock, limits } = this.#parts;
    const bytes = new TextEncoder().encode(draft.payload).length;
    if (bytes > limits.maxPayloadBytes)
      throw new Failure("body_too_large", `"payload" has ${bytes} bytes as JSON, more than ${limits.maxPayloadBytes}`);
    const letter = written(draft, key, clock.now());
    const subject = letterSubject(org, letter.message_id);
    try {
      const found = await archive.put(subject, letter, 0);
      await herald.tellNow(subject, letter);
      this.#parts.deliver(found);
      return { letter, isNew: true };
    } catch (thrown) {
      const known = await this.#sentBefore(subject, thrown);
      if (isSame(known, draft)) return { letter: known, isNew: false };
      throw new Failure("conflict", "This Idempotency-Key was used for another message");
    }
  }

  /** A letter with its payload. Throws `message_not_found`, `bus_away`. */
  async read(org: string, messageId: string): Promise<Letter> {
    const found = await this.#parts.archive.find(letterSubject(org, messageId));
    if (found === undefined) throw notFound(messageId);
    return found.letter;
  }

  /** Its receiver is done with a letter. Throws `message_not_found`, `forbidden`, `conflict` when it is over, `bus_away`. */
  acknowledge(org: string, messageId: string, word: Word): Promise<LetterMetadata> {
    return this.#hear(letterSubject(org, messageId), { ...word, messageId, become: acknowledged });
  }

  /** Its receiver cannot do it. Throws as `acknowledge` does. */
  fail(org: string, messageId: string, word: Word): Promise<LetterMetadata> {
    return this.#hear(letterSubject(org, messageId), { ...word, messageId, become: refused });
  }

  async #hear(subject: string, { agent, detail, messageId, become }: Heard): Promise<LetterMetadata> {
    const { archive, herald, clock, limits } = this.#parts;
    if ((await archive.find(subject)) === undefined) throw notFound(messageId);
    const letter = await archive.change(subject, (present) => {
      if (present.to !== agent)
        throw new Failure("forbidden", `Message '${echoed(messageId)}' is not for "${echoed(agent)}"`);
      return become(present, detail, { nowMs: clock.now(), retryMs: limits.letterRetryMs });
    });
    await herald.tellNow(subject, letter);
    return letter;
  }

  async #sentBefore(subject: string, thrown: unknown): Promise<Letter> {
    if (!(thrown instanceof Failure && thrown.code === "conflict")) throw thrown;
    const known = await this.#parts.archive.find(subject);
    if (known === undefined) throw thrown;
    return known.letter;
  }
}

export interface PostOfficeParts {
  readonly archive: Archive;
  readonly herald: Herald;
  readonly clock: Clock;
  readonly limits: {
    readonly letterRetryMs: number;
    /** How many bytes a payload has at the most, as JSON without space between its parts. */
    readonly maxPayloadBytes: number;
  };
  /** Takes a letter that is held for its first offer. */
  readonly deliver: (found: Found) => void;
}

/** A letter that was stored, now or before. */
export interface Sent {
  readonly letter: Letter;
  readonly isNew: boolean;
}

interface Heard extends Word {
  readonly messageId: string;
  readonly become: (letter: Letter, detail: string | null, moment: Moment) => Letter;
}

/** A new letter is held for its sender's own gateway; should that die, another one offers it when the time is up. */
function written(draft: Draft, key: string | undefined, nowMs: number): Letter {
  const at = new Date(nowMs).toISOString();
  return {
    message_id: key === undefined ? crypto.randomUUID() : idOf(draft.from, key),
    ...draft,
    status: "sent",
    attempts: 0,
    detail: null,
    sent_at: at,
    due_ms: nowMs + holdMs,
    held_ms: nowMs + holdMs,
    missed: 0,
    untold: [{ event: "sent", attempt: 0, at }],
  };
}

/** The same key of another sender is another letter, and nobody learns a key from an id. */
function idOf(from: string, key: string): string {
  return createHash("sha256")
    .update(JSON.stringify([from, key]))
    .digest("hex")
    .slice(0, 32);
}

function isSame(letter: Letter, draft: Draft): boolean {
  const fields = ["from", "to", "message_type", "correlation_id", "payload"] as const;
  return fields.every((field) => letter[field] === draft[field]);
}

function notFound(messageId: string): Failure {
  return new Failure("message_not_found", `No message '${echoed(messageId)}', or it is too old`);
}
