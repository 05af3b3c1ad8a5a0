import type { Stop } from "../protocol/clock.ts";
import type { LetterMetadata } from "../protocol/letter.ts";

/** The word that a message is stored. */
export interface Receipt {
  /** Its place in its store. */
  readonly position: number;
  /** Whether a message with the same id was stored before, and this one was not. */
  readonly duplicate: boolean;
}

/** A message for the bus, under the names that its subject is made of: `["runs", "r1"]`. */
export interface Publication {
  readonly names: readonly string[];
  /** JSON in UTF-8; empty deletes a row. */
  readonly body: Uint8Array;
  readonly id: string;
}

/** A message to another agent. */
export interface Draft {
  readonly body: Uint8Array;
  readonly id: string;
}

/** A way out of this process; each call tries once, and throws a Failure. */
export interface Outlet {
  /** How many calls may be under way at a time. */
  readonly width: number;
  /** Whether calls arrive in the order in which they were made. */
  readonly keepsOrder: boolean;
  publish(publication: Publication): Promise<Receipt>;
  /** Hears when it may be worth trying again. */
  onUp(listener: () => void): Stop;
  close(): Promise<void>;
}

/** A way out that takes messages between agents, too. */
export interface MailOutlet extends Outlet {
  send(draft: Draft): Promise<LetterMetadata>;
}
