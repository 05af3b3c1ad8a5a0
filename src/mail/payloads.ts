import { createHash } from "node:crypto";
import type { Bus, Table } from "../bus/bus.ts";
import { Failure } from "../protocol/failure.ts";
import { type Envelope, payloadSubject } from "../protocol/letter.ts";
import { anyOrg, splitSubject } from "../protocol/subject.ts";

/** Where a payload is, as an envelope says it. */
export type PayloadPlace = Pick<Envelope, "payload_digest" | "payload_bytes" | "payload_position">;

/** How much longer than its letter a payload may stay: gateways look after letters late while the bus is away. */
const spareMs = 60 * 60 * 1000;

/**
 * The payloads of letters, each stored once on a subject of its own, which no gateway follows.
 *
 * A payload is stored before its letter and removed after it. One whose letter was never stored goes by age.
 */
export class Payloads {
  readonly #bus: Bus;
  readonly #keepMs: number;
  #table: Table | undefined;

  /** `letterKeepMs`: see `MailLimits`; a letter may be as old as twice that. */
  constructor(bus: Bus, letterKeepMs: number) {
    this.#bus = bus;
    this.#keepMs = 2 * letterKeepMs + spareMs;
  }

  /** Opens the table on the bus. Throws `bus_away`, or an Error when it is there in another shape. */
  async open(): Promise<void> {
    const spec = { name: "payloads", subjects: [anyOrg("payloads.*")], keepMs: this.#keepMs };
    this.#table = await this.#bus.table(spec);
  }

  /**
   * Stores the payload of a letter. Another payload under the same id lies elsewhere, so that of two senders who use an
   * id at the same moment neither changes what the other one has stored. Throws `bus_away`.
   */
  async put(org: string, messageId: string, payload: string): Promise<PayloadPlace> {
    const data = new TextEncoder().encode(payload);
    const payload_digest = digestOf(data);
    const { position } = await this.#there().put(payloadSubject(org, messageId, payload_digest), data);
    return { payload_digest, payload_bytes: data.length, payload_position: position };
  }

  /** The payload of the letter at `subject`; undefined when it is gone. Throws `bus_away`. */
  async read(subject: string, envelope: Envelope): Promise<string | undefined> {
    const stored = await this.#there().get(placeOf(subject, envelope));
    return stored && new TextDecoder().decode(stored.data);
  }

  /** Removes the payload of a letter that is gone, unless another letter has brought it since. Throws `bus_away`. */
  async remove(subject: string, envelope: Envelope): Promise<void> {
    try {
      await this.#there().remove(placeOf(subject, envelope), envelope.payload_position);
    } catch (thrown) {
      if (!(thrown instanceof Failure && thrown.code === "conflict")) throw thrown;
    }
  }

  #there(): Table {
    if (this.#table !== undefined && this.#bus.state === "up") return this.#table;
    throw new Failure("bus_away", "The bus is away; try again");
  }
}

/** By which two payloads are the same. */
export function digestOf(payload: string | Uint8Array): string {
  return createHash("sha256").update(payload).digest("base64url");
}

function placeOf(subject: string, { message_id, payload_digest }: Envelope): string {
  return payloadSubject(splitSubject(subject)?.org ?? "", message_id, payload_digest);
}
