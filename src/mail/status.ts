import { Failure } from "../protocol/failure.ts";
import type { Envelope, LetterEvent, LetterStatus } from "../protocol/letter.ts";
import { echoed } from "../protocol/limits.ts";

/** What can be done to a letter. */
type Action = "deliver" | "acknowledge" | "fail";

/** What a letter is after an action; null: it is over, and the action is refused. */
const next: Readonly<Record<LetterStatus, Readonly<Record<Action, LetterStatus | null>>>> = {
  sent: { deliver: "delivered", acknowledge: "acknowledged", fail: "failed" },
  delivered: { deliver: "delivered", acknowledge: "acknowledged", fail: "failed" },
  acknowledged: { deliver: null, acknowledge: null, fail: null },
  failed: { deliver: null, acknowledge: null, fail: null },
};

/** Why a letter fails whose payload is gone. */
export const payloadLost = "its payload is lost";

/** How long backing off goes on doubling while nobody is there. */
const mostDoublings = 4;

/** How long who offers a letter may take: longer than an offer by what clocks of gateways may differ. */
export const holdMs = 10_000;

/** Whether nothing more happens to a letter. */
export function isOver({ status }: Pick<Envelope, "status">): boolean {
  return next[status].deliver === null;
}

/** Held for one offer; whoever stores that may make it. */
export function held(letter: Envelope, nowMs: number): Envelope {
  const until = nowMs + holdMs;
  return { ...letter, held_ms: until, due_ms: until };
}

/** Nobody has answered: whoever comes for it may have it, and the bus is asked again, less and less often. */
export function missed(letter: Envelope, { nowMs, retryMs }: Moment): Envelope {
  const due_ms = nowMs + retryMs * 2 ** Math.min(letter.missed, mostDoublings);
  return { ...letter, held_ms: nowMs, due_ms, missed: letter.missed + 1 };
}

/** It is with its receiver, who has `retryMs` to acknowledge it. Throws `conflict` when it is over. */
export function delivered(letter: Envelope, { nowMs, retryMs }: Moment): Envelope {
  const until = nowMs + retryMs;
  const once = { attempts: letter.attempts + 1, held_ms: until, due_ms: until, missed: 0 };
  return happened({ ...letter, ...moved(letter, "deliver"), ...once }, nowMs);
}

/** Its receiver has it and is done with it. Throws `conflict` when it is over. */
export function acknowledged(letter: Envelope, detail: string | null, moment: Moment): Envelope {
  return happened({ ...received(letter, moment), ...moved(letter, "acknowledge"), detail }, moment.nowMs);
}

/** Its receiver has it and wants no more of it. Throws `conflict` when it is over. */
export function refused(letter: Envelope, detail: string | null, moment: Moment): Envelope {
  return failed(received(letter, moment), detail, moment.nowMs);
}

/** It is given up. Throws `conflict` when it is over. */
export function failed(letter: Envelope, detail: string | null, nowMs: number): Envelope {
  return happened({ ...letter, ...moved(letter, "fail"), detail }, nowMs);
}

/** When something happens, and how long a receiver has from then on. */
export interface Moment {
  readonly nowMs: number;
  readonly retryMs: number;
}

/** Who says something of a letter has it, also when the word of its delivery is still under way. */
function received(letter: Envelope, moment: Moment): Envelope {
  return letter.status === "sent" ? delivered(letter, moment) : letter;
}

function moved({ message_id, status }: Envelope, action: Action): { readonly status: LetterStatus } {
  const after = next[status][action];
  if (after !== null) return { status: after };
  const word = status === "failed" ? "has failed" : "is acknowledged";
  throw new Failure("conflict", `Message '${echoed(message_id)}' ${word} already`);
}

function happened(letter: Envelope, nowMs: number): Envelope {
  const event: LetterEvent = {
    event: letter.status,
    attempt: letter.attempts,
    at: new Date(nowMs).toISOString(),
  };
  return { ...letter, untold: [...letter.untold, event] };
}
