import type { Bus, Follower, Journal, JournalSpec, Stored, Table } from "../bus/bus.ts";
import type { Stop } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import type { Envelope } from "../protocol/letter.ts";
import { anyOrg } from "../protocol/subject.ts";
import { envelopeBytes, parseEnvelope } from "./letter-text.ts";
import { Payloads } from "./payloads.ts";

/** The envelope of a letter and the place in the table where it was found. */
export interface Found {
  readonly subject: string;
  readonly letter: Envelope;
  readonly position: number;
  /** When it was changed last, in milliseconds since 1970. */
  readonly atMs: number;
}

/** How often a change is tried again because others changed the letter at the same moment. */
const mostTries = 10;

/** The letters, their payloads and the journal of what happened to them, on the bus. */
export class Archive {
  readonly payloads: Payloads;
  readonly #bus: Bus;
  readonly #spec: JournalSpec;
  #letters: Table | undefined;
  #journal: Journal | undefined;

  /** `letterKeepMs`: see `MailLimits`. */
  constructor(bus: Bus, journal: JournalSpec, letterKeepMs: number) {
    this.payloads = new Payloads(bus, letterKeepMs);
    this.#bus = bus;
    this.#spec = journal;
  }

  /** How long events are kept, in milliseconds. */
  get eventsKeptMs(): number {
    return this.#spec.keepMs;
  }

  /** Opens all on the bus. Throws `bus_away`, or an Error when they are there in another shape. */
  async open(): Promise<void> {
    await this.payloads.open();
    this.#letters = await this.#bus.table({ name: "letters", subjects: [anyOrg("letters.*")] });
    this.#journal = await this.#bus.journal(this.#spec);
  }

  /** Throws `bus_away` while nothing can be found here, and what is known may be old. */
  assureOpen(): void {
    this.#there(this.#letters);
  }

  /** Throws `bus_away` while the bus is away. */
  get journal(): Journal {
    return this.#there(this.#journal);
  }

  follow(follower: Follower): Stop {
    return this.#there(this.#letters).follow(follower);
  }

  /** The letter of a subject; undefined when there is none. Throws `bus_away`. */
  async find(subject: string): Promise<Found | undefined> {
    const stored = await this.#there(this.#letters).get(subject);
    return stored && foundIn(stored);
  }

  /** Stores a letter over the one at `expected`, 0 for none. Throws `conflict` when another is there, `bus_away`. */
  async put(subject: string, letter: Envelope, expected: number): Promise<Found> {
    const { position } = await this.#there(this.#letters).put(subject, envelopeBytes(letter), { expected });
    return { subject, letter, position, atMs: Date.parse(letter.untold.at(-1)?.at ?? letter.sent_at) };
  }

  /**
   * Changes a letter, again if others do so at the same moment; a change to undefined leaves it as it is.
   *
   * Throws `message_not_found`, `bus_away` and what `change` throws.
   */
  async change(subject: string, change: (letter: Envelope) => Envelope | undefined): Promise<Envelope> {
    for (let tries = 1; ; tries++) {
      const found = await this.find(subject);
      if (found === undefined) throw new Failure("message_not_found", "No such message, or it is too old");
      const changed = change(found.letter);
      if (changed === undefined) return found.letter;
      const stored = await this.#unlessChanged(() => this.put(subject, changed, found.position), tries);
      if (stored) return stored.letter;
    }
  }

  /** Forgets a letter and its payload. Throws `conflict` when it has been changed, `bus_away`. */
  async remove({ subject, letter, position }: Found): Promise<void> {
    await this.#there(this.#letters).put(subject, new Uint8Array(0), { expected: position });
    await this.payloads.remove(subject, letter);
  }

  async #unlessChanged(put: () => Promise<Found>, tries: number): Promise<Found | undefined> {
    try {
      return await put();
    } catch (thrown) {
      if (tries < mostTries && thrown instanceof Failure && thrown.code === "conflict") return undefined;
      throw thrown;
    }
  }

  #there<Store>(store: Store | undefined): Store {
    if (store !== undefined && this.#bus.state === "up") return store;
    throw new Failure("bus_away", "The bus is away; try again");
  }
}

/** The letter that a table's value is; undefined when it is none. */
function foundIn({ subject, data, position, atMs }: Stored): Found | undefined {
  const letter = parseEnvelope(data);
  return letter && { subject, letter, position, atMs };
}
