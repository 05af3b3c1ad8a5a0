import type { Bus, JournalSpec } from "../bus/bus.ts";
import { inBackground } from "../protocol/background.ts";
import type { Clock, Stop } from "../protocol/clock.ts";
import { Opening } from "../protocol/opening.ts";
import { Archive } from "./archive.ts";
import { Courier } from "./courier.ts";
import { Docket } from "./docket.ts";
import type { MailLimits } from "./duty.ts";
import { Herald } from "./herald.ts";
import { Inbox } from "./inbox.ts";
import { PostOffice } from "./post-office.ts";

/** Messages between agents, from the sender to the receiver's last word; any number of gateways share the work. */
export class Mail {
  readonly office: PostOffice;
  readonly inbox: Inbox;
  readonly #parts: MailParts;
  readonly #archive: Archive;
  readonly #docket: Docket;
  readonly #courier: Courier;
  readonly #stops: Stop[] = [];
  readonly #opening = new Opening(() => this.#openAll());

  constructor(parts: MailParts) {
    const { bus, clock, limits, report } = parts;
    const archive = new Archive(bus, parts.journal, limits.letterKeepMs);
    const herald = new Herald(archive, clock);
    const attend = (subject: string) => this.#courier.attend(subject);
    const discard = (subject: string) => this.#courier.discard(subject);
    const review = (subject: string) => this.#docket.review(subject);
    this.#parts = parts;
    this.#archive = archive;
    this.#docket = new Docket({ clock, limits, random: parts.random, attend, discard });
    this.#courier = new Courier({ bus, archive, herald, clock, limits, review, report });
    const deliver: Courier["deliver"] = (found) => this.#courier.deliver(found);
    this.office = new PostOffice({ archive, herald, room: this.#docket.room, clock, limits, deliver });
    this.inbox = new Inbox({ archive, herald, docket: this.#docket, clock, limits, report });
  }

  /**
   * Opens the letters on the bus; while the bus is away it returns, and opens them as soon as the bus is up.
   *
   * Throws when the bus will never do, for example because a stream there has another configuration.
   */
  async start(): Promise<void> {
    const { bus, report } = this.#parts;
    const open = () => inBackground("opening the messages", this.#opening.open(), report);
    this.#stops.push(bus.onState((state) => state === "up" && open()));
    await this.#opening.open();
  }

  /** Stops delivering; the bus stays open. */
  async close(): Promise<void> {
    for (const stop of this.#stops.splice(0)) stop();
    this.inbox.close();
    this.#docket.close();
    await this.#courier.close();
  }

  async #openAll(): Promise<void> {
    await this.#archive.open();
    this.#stops.push(this.#archive.follow(this.#docket));
  }
}

export interface MailParts {
  readonly bus: Bus;
  readonly clock: Clock;
  /** A number from 0 to 1. */
  readonly random: () => number;
  readonly limits: MailLimits & {
    /** How many bytes a payload has at the most, as JSON without space between its parts. */
    readonly maxPayloadBytes: number;
  };
  /** The journal of the stream `messages`. */
  readonly journal: JournalSpec;
  /** Hears of defects. */
  readonly report: (fault: unknown) => void;
}
