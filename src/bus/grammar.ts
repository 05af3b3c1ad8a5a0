import { Failure } from "../protocol/failure.ts";
import { matches } from "../protocol/subject.ts";

const exact = /^(?!\$)[^\s.*>\p{Cc}]+(?:\.[^\s.*>\p{Cc}]+)*$/u;
const pattern = /^(?!\$)(?:\*|[^\s.*>\p{Cc}]+)(?:\.(?:\*|[^\s.*>\p{Cc}]+))*(?:\.>)?$|^>$/u;
const longest = 512;

/**
 * The subject itself when one message may be about it: tokens between dots, no wildcard, at most 512 characters.
 *
 * White space in a subject is another command in the NATS protocol, and `$` opens the subjects NATS keeps for itself;
 * both throw `bad_request`, as everything else does that is no subject.
 */
export function exactSubject(text: string): string {
  if (text.length <= longest && exact.test(text)) return text;
  throw new Failure("bad_request", "That is not a subject");
}

/** The pattern itself when it may be listened to: a subject, its tokens possibly `*`, the last one possibly `>`. Throws `bad_request`. */
export function subjectPattern(text: string): string {
  if (text.length <= longest && pattern.test(text)) return text;
  throw new Failure("bad_request", "That is not a subject pattern");
}

/** The subject itself when one of the patterns matches it. Throws `bad_request` or `unknown_subject`. */
export function keptSubject(patterns: readonly string[], subject: string): string {
  exactSubject(subject);
  if (patterns.some((pattern) => matches(pattern, subject))) return subject;
  throw new Failure("unknown_subject", "That subject is not kept here");
}
