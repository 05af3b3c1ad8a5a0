import { z } from "zod";
import { Failure } from "../protocol/failure.ts";
import { jsonIn } from "../protocol/json.ts";
import { logMessageBytesMax } from "../protocol/limits.ts";
import type { LogBacklog, LogBytes, LogNews, LogPlace, LogReading, LogStep } from "../protocol/log.ts";
import { issueText } from "./query.ts";
import { identifier } from "./texts.ts";

const offset = z.int().min(0);
const generation = z.string().regex(/^[a-z0-9]{15}$/);
const mark = z.string().regex(/^[a-z0-9]{7}$/);
const place = z.object({ generation, offset, mark });
const lines = z.array(z.string());

const rotated = z.object({
  rotated: z.enum(["renamed", "truncated", "replaced"]),
  generation,
  from: offset,
  next: place,
  lost: z.object({ from: offset, to: offset.nullable(), reason: z.enum(["truncated", "deleted"]) }).exactOptional(),
  timestamp: identifier,
});
const step = z.union([z.object({ lines, generation, from: offset, to: offset, mark }), rotated]);
const lost = z.object({ lost: z.literal(true) });

const stepSchema: z.ZodType<LogStep> = step;
const placeSchema: z.ZodType<LogPlace | null> = place.nullable();
const readingSchema: z.ZodType<LogReading> = z.union([
  z.object({ steps: z.array(step), place, whole: z.boolean() }),
  lost,
]);
const backlogSchema: z.ZodType<LogBacklog> = z.union([z.object({ lines, place }), lost]);
const newsSchema: z.ZodType<LogNews> = z.object({ appeared: identifier.exactOptional() });
const bytesSchema: z.ZodType<LogBytes> = z.object({ generation, from: offset, to: offset, size: offset });

/** A step as a logs agent publishes it. Throws `invalid_body` that names the field. */
export const parseStep = parser(stepSchema);

/** The answer to `follow`: where the next step begins, or null while there is no file. Throws `invalid_body`. */
export const parsePlace = parser(placeSchema);

/** The answer to `after`. Throws `invalid_body`. */
export const parseReading = parser(readingSchema);

/** The answer to `backlog`. Throws `invalid_body`. */
export const parseBacklog = parser(backlogSchema);

/** What a logs agent says to every gateway. Throws `invalid_body`. */
export const parseNews = parser(newsSchema);

/** The answer to `bytes`, taken apart. Throws `invalid_body`. */
export function parseBytes(data: Uint8Array): { readonly head: LogBytes; readonly bytes: Uint8Array } {
  const end = data.indexOf(0x0a);
  return { head: parser(bytesSchema)(data.subarray(0, end)), bytes: data.subarray(end + 1) };
}

function parser<Value>(schema: z.ZodType<Value>): (data: Uint8Array) => Value {
  return (data) => {
    const parsed = schema.safeParse(jsonIn(data, { maxBytes: logMessageBytesMax }));
    if (parsed.success) return parsed.data;
    throw new Failure("invalid_body", issueText(parsed.error));
  };
}
