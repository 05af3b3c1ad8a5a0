import type { Bus } from "../bus/bus.ts";
import { Gate } from "../bus/gate.ts";
import { inBackground } from "../protocol/background.ts";
import type { Clock } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import type { Envelope } from "../protocol/letter.ts";
import { splitSubject } from "../protocol/subject.ts";
import type { Archive, Found } from "./archive.ts";
import { type Duty, type MailLimits, nextDuty } from "./duty.ts";
import type { Herald } from "./herald.ts";
import { answerWithinMs, type Outcome, offer } from "./offer.ts";
import { acknowledged, delivered, failed, held, isOver, missed, payloadLost, refused } from "./status.ts";

/** How many letters are attended to at once. */
const width = 64;
/** How many bytes of payloads are offered at once, but for a single larger one. */
const offeredBytesMax = 16 * 1024 * 1024;
/** How much longer than an offer a hold has to last still: what clocks of gateways may differ, and writing it down. */
const spareMs = 3_000;

/** Does for letters what is due: each gateway has one, and a letter is the one's that stores a hold on it. */
export class Courier {
  readonly #parts: CourierParts;
  readonly #gate = new Gate(width);
  readonly #offers = new Gate(offeredBytesMax);
  /** Letters that are held for this courier since they were sent, and where. */
  readonly #handed = new Map<string, number>();
  readonly #underway = new Map<string, Promise<void>>();
  #isClosed = false;

  constructor(parts: CourierParts) {
    this.#parts = parts;
  }

  /** Offers a letter that its post office holds for us. */
  deliver({ subject, position }: Found): void {
    this.#handed.set(subject, position);
    this.attend(subject);
  }

  /** Does what is due for a letter, unless that is under way. */
  attend(subject: string): void {
    if (this.#isClosed || this.#underway.has(subject)) return;
    const work = this.#gate.pass(() => this.#attend(subject));
    this.#underway.set(subject, work);
    inBackground("delivering messages", this.#settle(subject, work), this.#parts.report);
  }

  /** Removes a letter that is over and told, before its time. */
  discard(subject: string): void {
    if (this.#isClosed) return;
    const work = this.#gate.pass(() => this.#discard(subject)).catch(ignoreFailure);
    inBackground("removing messages", work, this.#parts.report);
  }

  /** Begins nothing more; settles when what is under way is over, or after a second. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const late = Promise.withResolvers<void>();
    const stop = this.#parts.clock.after(1000, late.resolve);
    await Promise.race([Promise.allSettled(this.#underway.values()), late.promise]);
    stop();
  }

  async #settle(subject: string, work: Promise<void>): Promise<void> {
    try {
      await work.catch(ignoreFailure);
    } finally {
      this.#handed.delete(subject);
      this.#underway.delete(subject);
      if (!this.#isClosed) this.#parts.review(subject);
    }
  }

  async #attend(subject: string): Promise<void> {
    const { archive, clock, limits } = this.#parts;
    const found = this.#isClosed ? undefined : await archive.find(subject);
    if (found === undefined) return;
    if (this.#isHanded(found)) return this.#duties.offer(found);
    const { what, fromMs } = nextDuty(found.letter, found.atMs, limits);
    if (fromMs <= clock.now()) await this.#duties[what](found);
  }

  async #discard(subject: string): Promise<void> {
    const found = await this.#parts.archive.find(subject);
    if (found && isOver(found.letter) && found.letter.untold.length === 0) await this.#parts.archive.remove(found);
  }

  readonly #duties: Readonly<Record<Duty["what"], (found: Found) => Promise<void>>> = {
    offer: (found) => this.#offers.pass(() => this.#offer(found), found.letter.payload_bytes),
    exhaust: (found) => this.#giveUp(found, `not acknowledged after ${deliveries(found.letter.attempts)}`),
    expire: (found) => this.#giveUp(found, "too old: nobody has acknowledged it in time"),
    tell: async ({ subject, letter, position }) => {
      await this.#parts.herald.tell(subject, letter);
      await this.#parts.archive.put(subject, { ...letter, untold: [] }, position);
    },
    remove: (found) => this.#parts.archive.remove(found),
  };

  #isHanded({ subject, letter, position }: Found): boolean {
    const restMs = letter.held_ms - this.#parts.clock.now();
    return this.#handed.get(subject) === position && restMs >= answerWithinMs + spareMs;
  }

  /** Offers a letter, which is held for us before. */
  async #offer(found: Found): Promise<void> {
    if (this.#isClosed) return;
    if (this.#isHanded(found)) return this.#deliver(found);
    const { archive, clock } = this.#parts;
    const { subject, letter, position } = found;
    await this.#deliver(await archive.put(subject, held(letter, clock.now()), position));
  }

  /** Offers a letter that we hold, and writes down what came of it. */
  async #deliver({ subject, letter }: Found): Promise<void> {
    const { bus, archive, herald } = this.#parts;
    const payload = await archive.payloads.read(subject, letter);
    const org = splitSubject(subject)?.org ?? "";
    const outcome: Outcome = payload === undefined ? { is: "lost" } : await offer(bus, org, { ...letter, payload });
    const after = await archive.change(subject, (present) => {
      const isOurs = !isOver(present) && present.held_ms === letter.held_ms;
      return isOurs ? this.#settled(present, outcome) : undefined;
    });
    await herald.tellNow(subject, after);
  }

  #settled(letter: Envelope, outcome: Outcome): Envelope | undefined {
    const moment = { nowMs: this.#parts.clock.now(), retryMs: this.#parts.limits.letterRetryMs };
    if (outcome.is === "acknowledged") return acknowledged(delivered(letter, moment), outcome.detail, moment);
    if (outcome.is === "refused") return refused(delivered(letter, moment), outcome.detail, moment);
    if (outcome.is === "lost") return failed(letter, payloadLost, moment.nowMs);
    if (outcome.is === "cut") return undefined;
    if (outcome.is === "missed") return missed(letter, moment);
    return delivered(letter, moment);
  }

  async #giveUp({ subject, letter, position }: Found, why: string): Promise<void> {
    const { archive, herald, clock } = this.#parts;
    const { letter: after } = await archive.put(subject, failed(letter, why, clock.now()), position);
    await herald.tellNow(subject, after);
  }
}

interface CourierParts {
  readonly bus: Bus;
  readonly archive: Archive;
  readonly herald: Herald;
  readonly clock: Clock;
  readonly limits: MailLimits;
  /** Looks when a letter is to be attended to next. */
  readonly review: (subject: string) => void;
  /** Hears of defects. */
  readonly report: (fault: unknown) => void;
}

/** Lost races and a bus that is away are everyday life, and the docket comes back to the letter. */
function ignoreFailure(thrown: unknown): void {
  if (!(thrown instanceof Failure)) throw thrown;
}

function deliveries(count: number): string {
  return count === 1 ? "one delivery" : `${count} deliveries`;
}
