import { z } from "zod";
import { identifierLengthMax, textBytesMax } from "../protocol/limits.ts";

export const tooLong = `must have at most ${identifierLengthMax} characters`;

/** A name, a word or a time: a text of 256 characters at the most. */
export const identifier = z.string().max(identifierLengthMax, tooLong);

/** A free text of 4 KiB at the most. */
export const freeText = z.string().refine(isShort, `must have at most ${textBytesMax} bytes`);

/** UTF-8 has at most three bytes for each code unit of UTF-16, and at least one. */
function isShort(value: string): boolean {
  if (value.length > textBytesMax) return false;
  return value.length * 3 <= textBytesMax || new TextEncoder().encode(value).length <= textBytesMax;
}
