import { z } from "zod";
import { type Envelope, type Letter, type LetterMetadata, letterStatuses } from "../protocol/letter.ts";

/**
 * What stands before the payload, which comes last. Within a JSON string a quotation mark has a backslash before it, so
 * that no name in an envelope can look like this.
 */
const mark = ',"payload":';

const status = z.enum(letterStatuses);

const envelope = z.object({
  message_id: z.string(),
  from: z.string(),
  to: z.string(),
  message_type: z.string(),
  correlation_id: z.string().optional(),
  status,
  attempts: z.int().min(0),
  detail: z.string().nullable(),
  sent_at: z.iso.datetime(),
  due_ms: z.number(),
  held_ms: z.number(),
  missed: z.int().min(0),
  untold: z.array(z.object({ event: status, attempt: z.int(), at: z.iso.datetime() })),
});

/** A letter as the table keeps it. */
export function letterBytes({ payload, ...rest }: Letter): Uint8Array {
  return new TextEncoder().encode(withPayload(rest, payload));
}

/** The letter in a body of the table; undefined when somebody else put something there. */
export function parseLetter(data: Uint8Array): Letter | undefined {
  const text = new TextDecoder().decode(data);
  const at = text.indexOf(mark);
  const rest = at < 0 ? undefined : parse(`${text.slice(0, at)}}`);
  return rest && { ...rest, payload: text.slice(at + mark.length, -1) };
}

/** What stands before the payload of a letter, which is not even decoded; undefined when it is no letter. */
export function parseEnvelope(data: Uint8Array): Envelope | undefined {
  const at = Buffer.from(data.buffer, data.byteOffset, data.byteLength).indexOf(mark);
  return at < 0 ? undefined : parse(`${new TextDecoder().decode(data.subarray(0, at))}}`);
}

/** What anybody may know of a letter. */
export function metadataOf(letter: LetterMetadata): LetterMetadata {
  const { message_id, from, to, message_type, correlation_id, status, attempts, detail, sent_at } = letter;
  return { message_id, from, to, message_type, correlation_id, status, attempts, detail, sent_at };
}

/** A letter for its receiver, as JSON: what anybody may know, and the payload. */
export function letterJson(letter: Letter): string {
  return withPayload(metadataOf(letter), letter.payload);
}

function withPayload(rest: object, payload: string): string {
  return `${JSON.stringify(rest).slice(0, -1)}${mark}${payload}}`;
}

function parse(text: string): Envelope | undefined {
  try {
    return envelope.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
