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

function keepDigits(_key: string, value: unknown, { source }: { source?: string }): unknown {
  if (typeof value !== "number" || source === undefined) return value;
  const isExact = Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value));
  return isExact ? value : sourceJson.rawJSON(source);
}
