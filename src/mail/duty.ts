import type { Envelope } from "../protocol/letter.ts";
import type { RoomLimits } from "./room.ts";
import { isOver } from "./status.ts";

/** What a gateway has to do for a letter next, and from when on, in milliseconds since 1970. */
export interface Duty {
  /**
   * `offer` it to its receiver; give it up because it was offered often enough (`exhaust`) or is too old (`expire`);
   * `tell` the journal what it may not know; `remove` it.
   */
  readonly what: "offer" | "exhaust" | "expire" | "tell" | "remove";
  readonly fromMs: number;
}

export interface MailLimits extends RoomLimits {
  /** How old a letter gets before it is given up, and how long it is kept once it is over. */
  readonly letterKeepMs: number;
  /** How long a receiver has to acknowledge a letter before it is offered again. */
  readonly letterRetryMs: number;
  /** How often a letter is delivered without being acknowledged before it is given up. */
  readonly letterAttempts: number;
}

/** How long whoever changed a letter has to tell the journal before others look after that. */
const settleMs = 2_000;

/** The next duty for a letter that was changed at `atMs`. */
export function nextDuty(letter: Envelope, atMs: number, limits: MailLimits): Duty {
  const isTold = letter.untold.length === 0;
  const tell: Duty = { what: "tell", fromMs: isTold ? Number.POSITIVE_INFINITY : atMs + settleMs };
  if (isOver(letter)) return isTold ? { what: "remove", fromMs: atMs + limits.letterKeepMs } : tell;
  const move = nextMove(letter, limits);
  return tell.fromMs < move.fromMs ? tell : move;
}

/** Nothing is done to a letter while it is held. */
function nextMove({ due_ms, held_ms, sent_at, attempts }: Envelope, limits: MailLimits): Duty {
  const oldMs = Math.max(Date.parse(sent_at) + limits.letterKeepMs, held_ms);
  const dueMs = Math.max(due_ms, held_ms);
  if (oldMs <= dueMs) return { what: "expire", fromMs: oldMs };
  return { what: attempts >= limits.letterAttempts ? "exhaust" : "offer", fromMs: dueMs };
}
