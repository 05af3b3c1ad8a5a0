import { z } from "zod";
import { freeText, identifier } from "../stream/texts.ts";

/** How long events are kept that nobody needs tomorrow. */
export const dayMs = 24 * 60 * 60 * 1000;

/** A field that may be left out or be null. */
export function maybe<Schema extends z.ZodType>(schema: Schema) {
  return schema.nullish();
}

/** An identifier that may be left out or be null. */
export const maybeIdentifier = maybe(identifier);

/** A free text that may be left out or be null. */
export const text = maybe(freeText);

/** A name of something, as far as it can be one token of a subject: 1 to 128 bytes of UTF-8. */
export const name = z.string().refine(isName, "must be a text of 1 to 128 bytes");

/** How long something took, in seconds. */
export const seconds = maybe(z.number("must be a number of seconds").min(0, "must be a number of seconds from 0 on"));

/** The message for a `type` that is none of some. */
export function oneOf(types: readonly string[]): { readonly error: string } {
  return { error: `must be one of ${types.join(", ")}` };
}

function isName(value: string): boolean {
  const { length } = new TextEncoder().encode(value);
  return length > 0 && length <= 128;
}
