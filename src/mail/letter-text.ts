import { z } from "zod";
import { maybeJsonIn } from "../protocol/json.ts";
import { type Envelope, type Letter, type LetterMetadata, letterStatuses } from "../protocol/letter.ts";
import { encodeToken } from "../protocol/subject.ts";

/** The largest envelope in the table, in bytes; what gateways store has at most 16 KiB. */
const envelopeBytesMax = 64 * 1024;
/** More events than a letter can have. */
const untoldMax = 100;

const status = z.enum(letterStatuses);

const envelope = z.object({
  message_id: z.string().min(1).max(128),
  from: z.string(),
  to: z.string().refine(isName),
  message_type: z.string(),
  correlation_id: z.string().optional(),
  status,
  attempts: z.int().min(0),
  detail: z.string().nullable(),
  sent_at: z.iso.datetime(),
  due_ms: z.number(),
  held_ms: z.number(),
  missed: z.int().min(0),
  untold: z.array(z.object({ event: status, attempt: z.int(), at: z.iso.datetime() })).max(untoldMax),
  payload_digest: z.string().max(64),
  payload_bytes: z.int().min(0),
  payload_position: z.int().min(0),
});

/** An envelope as the table keeps it. */
export function envelopeBytes(letter: Envelope): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(letter));
}

/** The envelope in a body of the table; undefined when something else was put there. */
export function parseEnvelope(data: Uint8Array): Envelope | undefined {
  return envelope.safeParse(maybeJsonIn(data, envelopeBytesMax)).data;
}

/** What anybody may know of a letter. */
export function metadataOf(letter: LetterMetadata): LetterMetadata {
  const { message_id, from, to, message_type, correlation_id, status, attempts, detail, sent_at } = letter;
  return { message_id, from, to, message_type, correlation_id, status, attempts, detail, sent_at };
}

/** A letter for its receiver, as JSON: what anybody may know, and the payload. */
export function letterJson(letter: Letter): string {
  return `${JSON.stringify(metadataOf(letter)).slice(0, -1)},"payload":${letter.payload}}`;
}

/** Whether a name can stand in a subject. */
function isName(name: string): boolean {
  try {
    return encodeToken(name).length > 0;
  } catch {
    return false;
  }
}
