import type { Clock } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import { maybeJsonIn } from "../protocol/json.ts";
import type { Envelope, LetterEvent } from "../protocol/letter.ts";
import { encodeToken, splitSubject, subjectOf } from "../protocol/subject.ts";
import type { Archive } from "./archive.ts";

/** For how long the bus surely knows an id again: a minute less than it does, for clocks that differ. */
const idsKnownMs = 4 * 60_000;
/** How many events are remembered as told; with the longest names each takes half a kilobyte. */
const mostTold = 10_000;
/** How many events of one letter are looked through, and how many bytes of them: publishers write there, too. */
const mostEvents = 200;
const mostEventBytes = 4 * 1024 * 1024;

/** Tells the journal `messages` what happened to letters: every event at least once, and none twice. */
export class Herald {
  readonly #archive: Archive;
  readonly #clock: Clock;
  readonly #told = new Set<string>();

  constructor(archive: Archive, clock: Clock) {
    this.#archive = archive;
    this.#clock = clock;
  }

  /** Tells everything of a letter that may be untold, in order. Throws `bus_away`. */
  async tell(subject: string, letter: Envelope): Promise<void> {
    for (const event of letter.untold) await this.#tellOne(subject, letter, event);
  }

  /** Tells as far as the bus lets it; whoever finds the letter untold later tells the rest. */
  async tellNow(subject: string, letter: Envelope): Promise<void> {
    try {
      await this.tell(subject, letter);
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
    }
  }

  async #tellOne(subject: string, letter: Envelope, event: LetterEvent): Promise<void> {
    // Other orgs do not know the time, so they cannot use up the id.
    const id = `letter ${subject} ${event.event} ${event.attempt} ${event.at}`;
    if (this.#told.has(id)) return;
    const org = splitSubject(subject)?.org ?? "";
    const place = subjectOf(org, `messages.${encodeToken(letter.message_id)}`);
    const ageMs = this.#clock.now() - Date.parse(event.at);
    const isOld = ageMs > idsKnownMs;
    if (!isOld || !(await this.#isThere(place, { event, ageMs }))) {
      await this.#archive.journal.append(place, bodyOf(letter, event), id);
    }
    if (this.#told.size >= mostTold) this.#told.clear();
    this.#told.add(id);
  }

  /** Whether an event was told so long ago that the bus has forgotten its id; one that the journal no longer keeps was. */
  async #isThere(subject: string, { event, ageMs }: { event: LetterEvent; ageMs: number }): Promise<boolean> {
    if (ageMs >= this.#archive.eventsKeptMs) return true;
    const { journal } = this.#archive;
    const { last } = await journal.bounds();
    const range = { subject, upTo: last, limit: mostEvents, maxBytes: mostEventBytes };
    const { messages } = await journal.recent(range);
    return messages.some(({ data }) => isSame(data, event));
  }
}

/** What the stream may know: never the payload. */
function bodyOf(letter: Envelope, { event, attempt, at }: LetterEvent): Uint8Array {
  const { message_id, from, to, message_type, correlation_id } = letter;
  const isLast = event === "acknowledged" || event === "failed";
  const again = event === "delivered" && attempt > 1 ? `delivery ${attempt}` : null;
  const detail = isLast ? letter.detail : again;
  const body = { message_id, event, from, to, message_type, correlation_id, detail, timestamp: at };
  return new TextEncoder().encode(JSON.stringify(body));
}

function isSame(data: Uint8Array, { event, at }: LetterEvent): boolean {
  const told = maybeJsonIn(data);
  if (typeof told !== "object" || told === null || !("event" in told) || !("timestamp" in told)) return false;
  return told.event === event && told.timestamp === at;
}
