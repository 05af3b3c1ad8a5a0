import { Failure } from "../protocol/failure.ts";

/** How much of an org may be unread, and how much that is over is kept. */
export interface RoomLimits {
  /** How many letters of an org may be unread, and how many that are over are kept; a tenth may be one receiver's. */
  readonly lettersMax: number;
  /** How many bytes the payloads of an org's unread letters may have; a tenth may be one receiver's. */
  readonly lettersMaxBytes: number;
}

interface Load {
  letters: number;
  bytes: number;
}

const ofOneReceiver = 0.1;
const retryAfterMs = 30_000;

/** How many letters are unread, and how large their payloads are, by org and by receiver. */
export class Room {
  readonly #limits: RoomLimits;
  readonly #loads = new Map<string, Load>();

  constructor(limits: RoomLimits) {
    this.#limits = limits;
  }

  /** Throws `too_many_messages` when a payload of so many bytes does not fit; the first letter always does. */
  assure(org: string, inbox: string, bytes: number): void {
    this.#assure(keyOf(org), { bytes, part: 1, who: "The org" });
    this.#assure(inbox, { bytes, part: ofOneReceiver, who: "The receiver" });
  }

  /** Counts an unread letter, or with a sign of -1 one that is unread no more. */
  count({ org, inbox }: { org: string; inbox: string }, bytes: number, sign: 1 | -1): void {
    for (const key of [keyOf(org), inbox]) {
      const { letters, bytes: before } = this.#loads.get(key) ?? { letters: 0, bytes: 0 };
      const after = { letters: letters + sign, bytes: before + sign * bytes };
      if (after.letters === 0) this.#loads.delete(key);
      else this.#loads.set(key, after);
    }
  }

  #assure(key: string, { bytes, part, who }: { bytes: number; part: number; who: string }): void {
    const load = this.#loads.get(key);
    if (load === undefined) return;
    const { lettersMax, lettersMaxBytes } = this.#limits;
    if (load.letters < lettersMax * part && load.bytes + bytes <= lettersMaxBytes * part) return;
    const words = `${who} has ${load.letters} unread messages of ${load.bytes} bytes, and no more are taken until some are read`;
    throw new Failure("too_many_messages", words, { retryAfterMs });
  }
}

/** An org may be called as an inbox is; no subject has a space. */
function keyOf(org: string): string {
  return `org ${org}`;
}
