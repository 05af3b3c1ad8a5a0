import { Failure } from "../protocol/failure.ts";

/** JSON with the source text of its numbers (ECMAScript proposal "JSON.parse source text access", in every runtime we run on). */
interface SourceJson {
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
  rawJSON(text: string): unknown;
}

const sourceJson = JSON as unknown as SourceJson;

/** Only a text with digits enough, or an exponent, can hold a number that a double cannot. */
const suspect = /\d{16}|\d[eE]/;

/**
 * Parses JSON so that `JSON.stringify` gives every number back as it was: an identifier or a nanosecond time of 19 digits
 * must not lose its last ones on the way through.
 *
 * Throws SyntaxError.
 */
export function parseExactly(text: string): unknown {
  return suspect.test(text) ? sourceJson.parse(text, keepDigits) : JSON.parse(text);
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The JSON object in a body, every number as it was. Throws the Failure `fault` when it is none. */
export function objectIn(body: Uint8Array, fault: "bad_request" | "invalid_body"): Record<string, unknown> {
  let value: unknown;
  try {
    value = parseExactly(utf8.decode(body));
  } catch {
    throw new Failure(fault, "The body must be JSON in UTF-8");
  }
  // A bare number that keeps its digits is an object as well, but one that takes no fields.
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value) && Object.isExtensible(value);
  if (isObject) return value as Record<string, unknown>;
  throw new Failure(fault, "The body must be a JSON object");
}

function keepDigits(_key: string, value: unknown, { source }: { source?: string }): unknown {
  if (typeof value !== "number" || source === undefined) return value;
  const isExact = Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value));
  return isExact ? value : sourceJson.rawJSON(source);
}
