import { encodeToken, subjectOf } from "./subject.ts";

/** What can happen to a message between agents; the events of the stream `messages`. */
export const letterStatuses = ["sent", "delivered", "acknowledged", "failed"] as const;

export type LetterStatus = (typeof letterStatuses)[number];

/** What anybody may know of a message between agents. */
export interface LetterMetadata {
  readonly message_id: string;
  readonly from: string;
  readonly to: string;
  readonly message_type: string;
  readonly correlation_id?: string | undefined;
  readonly status: LetterStatus;
  /** How often it was delivered: how many offers were answered, or taken from the inbox. */
  readonly attempts: number;
  /** Why it failed, or what the receiver said when it acknowledged; null otherwise. */
  readonly detail: string | null;
  /** When it was sent, ISO 8601. */
  readonly sent_at: string;
}

/** A message as the table `letters` keeps it: all but its payload, which lies in the table `payloads`. */
export interface Envelope extends LetterMetadata {
  /** When the bus is asked for its receiver again, in milliseconds since 1970. */
  readonly due_ms: number;
  /** Until when one offer of it counts and nobody may begin another, in milliseconds since 1970. */
  readonly held_ms: number;
  /** How many offers in a row nobody has answered. */
  readonly missed: number;
  /** What happened to it and may not be in the journal `messages` yet, oldest first. */
  readonly untold: readonly LetterEvent[];
  /** SHA-256 of the payload, base64url. */
  readonly payload_digest: string;
  readonly payload_bytes: number;
  /** Where the table `payloads` has it. */
  readonly payload_position: number;
}

/** A message between agents with its payload, which never enters a frame, a log line, a metric or an error message. */
export interface Letter extends Envelope {
  /** Any JSON, as its text: nothing between sender and receiver ever reads it. */
  readonly payload: string;
}

/** Something that happened to a letter. */
export interface LetterEvent {
  readonly event: LetterStatus;
  /** Which offer it belongs to, counted from 1; 0 for `sent`. */
  readonly attempt: number;
  /** When it happened, ISO 8601. */
  readonly at: string;
}

/** Where a letter lies in the table `letters`. */
export function letterSubject(org: string, messageId: string): string {
  return subjectOf(org, `letters.${encodeToken(messageId)}`);
}

/** Where a payload lies in the table `payloads`. */
export function payloadSubject(org: string, messageId: string, digest: string): string {
  return subjectOf(org, `payloads.${encodeToken(`${messageId}-${digest}`)}`);
}

/** Where an agent hears its messages on the bus. */
export function inboxSubject(org: string, agent: string): string {
  return subjectOf(org, `inbox.${encodeToken(agent)}`);
}
