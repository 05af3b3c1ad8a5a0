import { createHash } from "node:crypto";
import type { Clock } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import { type Envelope, inboxSubject, type Letter, type LetterMetadata, letterSubject } from "../protocol/letter.ts";
import { echoed } from "../protocol/limits.ts";
import type { Archive, Found } from "./archive.ts";
import type { Herald } from "./herald.ts";
import { digestOf, type PayloadPlace } from "./payloads.ts";
import type { Room } from "./room.ts";
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
   * Throws `body_too_large`, `too_many_messages`, `conflict` when the key was used for another letter, `bus_away` when it
   * may be stored or not.
   */
  async send(org: string, draft: Draft, key?: string): Promise<Sent> {
    const { archive, herald, room, clock, limits } = this.#parts;
    const bytes = new TextEncoder().encode(draft.payload).length;
    if (bytes > limits.maxPayloadBytes)
      throw new Failure("body_too_large", `"payload" has ${bytes} bytes as JSON, more than ${limits.maxPayloadBytes}`);
    const messageId = key === undefined ? crypto.randomUUID() : idOf(draft.from, key);
    const subject = letterSubject(org, messageId);
    const before = key === undefined ? undefined : await archive.find(subject);
    if (before) return sentBefore(before.letter, draft);
    room.assure(org, inboxSubject(org, draft.to), bytes);
    const place = await archive.payloads.put(org, messageId, draft.payload);
    const letter = written({ message_id: messageId, ...draft }, place, clock.now());
    try {
      const found = await archive.put(subject, letter, 0);
      await herald.tellNow(subject, letter);
      this.#parts.deliver(found);
      return { letter, isNew: true };
    } catch (thrown) {
      if (!(thrown instanceof Failure && thrown.code === "conflict")) throw thrown;
      const rival = await archive.find(subject);
      if (rival === undefined) throw thrown;
      if (rival.letter.payload_digest !== place.payload_digest) await archive.payloads.remove(subject, letter);
      return sentBefore(rival.letter, draft);
    }
  }

  /** What is known of a letter without its payload. Throws `message_not_found`, `bus_away`. */
  async look(org: string, messageId: string): Promise<Envelope> {
    const found = await this.#parts.archive.find(letterSubject(org, messageId));
    if (found === undefined) throw notFound(messageId);
    return found.letter;
  }

  /** The letter of an envelope. Throws `message_not_found` when its payload is gone, `bus_away`. */
  async read(org: string, envelope: Envelope): Promise<Letter> {
    const { message_id } = envelope;
    const payload = await this.#parts.archive.payloads.read(letterSubject(org, message_id), envelope);
    if (payload === undefined) throw new Failure("message_not_found", `The payload of message '${message_id}' is lost`);
    return { ...envelope, payload };
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
}

export interface PostOfficeParts {
  readonly archive: Archive;
  readonly herald: Herald;
  /** What is unread. */
  readonly room: Room;
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
  readonly letter: Envelope;
  readonly isNew: boolean;
}

interface Heard extends Word {
  readonly messageId: string;
  readonly become: (letter: Envelope, detail: string | null, moment: Moment) => Envelope;
}

/** A new letter is held for its sender's own gateway; should that die, another one offers it when the time is up. */
function written(
  { payload: _, ...draft }: Draft & { message_id: string },
  place: PayloadPlace,
  nowMs: number,
): Envelope {
  const at = new Date(nowMs).toISOString();
  return {
    ...draft,
    ...place,
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

/** The letter that was sent under the same key. Throws `conflict` when it was another one. */
function sentBefore(letter: Envelope, draft: Draft): Sent {
  const fields = ["from", "to", "message_type", "correlation_id"] as const;
  const isSame = fields.every((field) => letter[field] === draft[field]);
  if (isSame && letter.payload_digest === digestOf(draft.payload)) return { letter, isNew: false };
  throw new Failure("conflict", "This Idempotency-Key was used for another message");
}

function notFound(messageId: string): Failure {
  return new Failure("message_not_found", `No message '${echoed(messageId)}', or it is too old`);
}
