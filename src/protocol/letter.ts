import { encodeToken, subjectOf } from "./subject.ts";

/** What can happen to a message between agents; the events of the stream `messages`. */
export const letterStatuses = ["sent", "delivered", "acknowledged", "failed"] as const;

export type LetterStatus = (typeof letterStatuses)[number];

/** A message between agents with its payload, as the table `letters` keeps it. It never enters a frame, a log or a metric. */
export interface Letter {
  readonly message_id: string;
  readonly from: string;
  readonly to: string;
  readonly message_type: string;
  readonly correlation_id?: string;
  /** Any JSON. */
  readonly payload: unknown;
  readonly status: LetterStatus;
  /** How often it was offered to its receiver. */
  readonly attempts: number;
  /** Why it failed, or what the receiver said when it acknowledged; null otherwise. */
  readonly detail: string | null;
  /** When it was sent, ISO 8601. */
  readonly sent_at: string;
  /** When it is offered again unless it is acknowledged before, in milliseconds since 1970. */
  readonly due_ms: number;
}

/** Where an agent hears its messages on the bus. */
export function inboxSubject(org: string, agent: string): string {
  return subjectOf(org, `inbox.${encodeToken(agent)}`);
}
