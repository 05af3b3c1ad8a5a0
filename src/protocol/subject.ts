import { Failure } from "./failure.ts";

const plain = /^[A-Za-z0-9_-]+$/;
const canonical = /^(?:[A-Za-z0-9_-]|%[0-9A-F]{2})+$/;
const longestName = 128;

/**
 * One subject token from any name: everything outside `[A-Za-z0-9_-]` becomes `%XX` of its UTF-8 bytes.
 *
 * Throws `bad_request` when the name is empty or longer than 128 bytes.
 */
export function encodeToken(name: string): string {
  if (name.length <= longestName && plain.test(name)) return name;
  const bytes = new TextEncoder().encode(name);
  if (bytes.length === 0) throw new Failure("bad_request", "A name must not be empty");
  if (bytes.length > longestName)
    throw new Failure("bad_request", `A name must not be longer than ${longestName} bytes`);
  return Array.from(bytes, encodeByte).join("");
}

function encodeByte(byte: number): string {
  const char = String.fromCharCode(byte);
  return plain.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

/** The name behind a token, or undefined when no name is encoded like that. */
export function decodeToken(token: string): string | undefined {
  if (plain.test(token)) return token.length <= longestName ? token : undefined;
  if (!canonical.test(token)) return undefined;
  try {
    const name = decodeURIComponent(token);
    return encodeToken(name) === token ? name : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a subject matches a pattern: `*` stands for one token, `>` at the end for one or more. */
export function matches(pattern: string, subject: string): boolean {
  if (pattern === subject) return true;
  const wanted = pattern.split(".");
  const tokens = subject.split(".");
  for (const [i, want] of wanted.entries()) {
    if (want === ">") return tokens.length > i;
    if (i >= tokens.length || (want !== "*" && want !== tokens[i])) return false;
  }
  return wanted.length === tokens.length;
}

/** The full subject of a tail (`runs.r1`) within an org; the only place where an org enters a subject. */
export function subjectOf(org: string, tail: string): string {
  return `skein.${encodeToken(org)}.${tail}`;
}

/** The pattern that a tail has in every org. */
export function anyOrg(tail: string): string {
  return `skein.*.${tail}`;
}

/** A subject taken apart, or undefined when it is none of ours. */
export function splitSubject(subject: string): { org: string; tail: string } | undefined {
  const [prefix, token = "", ...tail] = subject.split(".");
  const org = decodeToken(token);
  if (prefix !== "skein" || org === undefined || tail.length === 0) return undefined;
  return { org, tail: tail.join(".") };
}
