import { Failure, type FailureCode } from "./failure.ts";
import { bodyBytesMax, bodyDepthMax } from "./limits.ts";

/** How a body from outside is read. */
export interface JsonTerms {
  /** What a fault is called. Default `invalid_body`. */
  readonly fault?: FailureCode;
  /** What it is called in a message of a fault. Default `The body`. */
  readonly what?: string;
  /** Default `bodyBytesMax`. */
  readonly maxBytes?: number;
}

/** JSON with the source text of its numbers (ECMAScript proposal "JSON.parse source text access", in every runtime we run on). */
interface SourceJson {
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
  rawJSON(text: string): unknown;
}

const sourceJson = JSON as unknown as SourceJson;
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Only a text with digits enough, or an exponent, can hold a number that a double cannot. */
const suspect = /\d{16}|\d[eE]/;

/**
 * The JSON value in a body from outside, which is checked for its size, UTF-8 and depth before anything is made of it.
 *
 * Throws the Failure `fault` that says which.
 */
export function jsonIn(body: Uint8Array, terms: JsonTerms = {}): unknown {
  return parse(textIn(body, terms), JSON.parse, terms);
}

/** The JSON value in a text from outside whose size was limited before. Throws the Failure `fault`. */
export function jsonInText(text: string, terms: Omit<JsonTerms, "maxBytes"> = {}): unknown {
  return parse(text, JSON.parse, terms);
}

/** The JSON value in a body from outside; undefined when it is none, or beyond a limit. */
export function maybeJsonIn(body: Uint8Array, maxBytes?: number): unknown {
  try {
    return jsonIn(body, maxBytes === undefined ? {} : { maxBytes });
  } catch {
    return undefined;
  }
}

/** The JSON object in a body from outside, every number as it was. Throws the Failure `fault` that says what is wrong. */
export function objectIn(body: Uint8Array, terms: JsonTerms = {}): Record<string, unknown> {
  const value = parse(textIn(body, terms), parseExactly, terms);
  // A bare number that keeps its digits is an object as well, but one that takes no fields.
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value) && Object.isExtensible(value);
  if (isObject) return value as Record<string, unknown>;
  throw faulty(terms, "must be a JSON object");
}

function textIn(body: Uint8Array, terms: JsonTerms): string {
  const { maxBytes = bodyBytesMax } = terms;
  if (body.length > maxBytes) throw faulty(terms, `must not be larger than ${maxBytes} bytes`);
  try {
    return utf8.decode(body);
  } catch {
    throw faulty(terms, "must be JSON in UTF-8");
  }
}

function parse(text: string, parser: (text: string) => unknown, terms: JsonTerms): unknown {
  if (isDeeper(text, bodyDepthMax)) {
    throw faulty(terms, `must not have more than ${bodyDepthMax} levels of arrays and objects`);
  }
  try {
    return parser(text);
  } catch {
    throw faulty(terms, "must be JSON in UTF-8");
  }
}

function faulty({ fault = "invalid_body", what = "The body" }: JsonTerms, text: string): Failure {
  return new Failure(fault, `${what} ${text}`);
}

/**
 * Parses JSON so that `JSON.stringify` gives every number back as it was: an identifier or a nanosecond time of 19 digits
 * must not lose its last ones on the way through.
 */
function parseExactly(text: string): unknown {
  return suspect.test(text) ? sourceJson.parse(text, keepDigits) : JSON.parse(text);
}

function keepDigits(_key: string, value: unknown, { source }: { source?: string }): unknown {
  if (typeof value !== "number" || source === undefined) return value;
  const isExact = Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value));
  return isExact ? value : sourceJson.rawJSON(source);
}

/**
 * Whether arrays and objects lie within each other in more than `most` levels, in a text that may be JSON.
 *
 * A text that is too short for it, or has too few opening brackets, is not looked through.
 */
export function isDeeper(text: string, most: number): boolean {
  if (text.length < 2 * most + 2 || !hasMore(text, most)) return false;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // [ and { differ in one bit, and so do ] and }; no other character becomes one of them without it.
    if (unit === quote) i = endOfString(text, i);
    else if ((unit & ~0x20) === 0x5b) depth += 1;
    else if ((unit & ~0x20) === 0x5d) depth -= 1;
    if (depth > most) return true;
  }
  return false;
}

const quote = 0x22;
const backslash = 0x5c;

/** Whether a text has more than `most` brackets that open something, or may. */
function hasMore(text: string, most: number): boolean {
  let count = 0;
  for (const bracket of ["{", "["]) {
    for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1)) {
      count += 1;
      if (count > most) return true;
    }
  }
  return false;
}

/** Where the string ends that begins at `start`: at the next quotation mark that no backslash escapes. */
function endOfString(text: string, start: number): number {
  let end = start + 1;
  while (end < text.length) {
    const unit = text.charCodeAt(end);
    if (unit === quote) return end;
    end += unit === backslash ? 2 : 1;
  }
  return end;
}
