import { type Matcher, MatcherInput, RE2JS } from "re2js";
import type { LogStep } from "../protocol/log.ts";
import { type Code, esc, plainPlaces, uncoloured, withoutEnd, woven } from "./escapes.ts";

/** What nobody may see, and what is shown in its place. */
export interface RedactionRule {
  /**
   * A regular expression in RE2's syntax: no look-around and no back-references, so it takes linear time on any line. It is
   * applied to one line at a time, as it is read: colour codes are looked through, unless the pattern names the escape
   * character (`\x1b`) itself.
   */
  readonly pattern: string;
  /** What is shown instead; `$1` is what the first group matched, `$$` a dollar sign. Default `[redacted]`. */
  readonly replace?: string;
}

interface Rule {
  readonly expression: RE2JS;
  /** Texts, and numbers of groups. */
  readonly replacement: readonly (string | number)[];
  /** Whether the pattern is about colour codes itself. */
  readonly seesCodes: boolean;
}

/** How much on a side of a cut through a line is hidden, in characters or bytes: the half of a secret matches no rule. */
export const hiddenAtCut = 256;
/** What stands at the end of a line that was too long. */
const cutMark = /…\[\+\d+ bytes\]$/;
/** In characters. Lines as long as that are still shown when that is how they came. */
const longestLine = 131_072;
const lineFeed = 10;
const escByte = esc.charCodeAt(0);
const star = "*".charCodeAt(0);

/** Removes from lines what rules say that nobody may see. */
export class Redaction {
  readonly #rules: readonly Rule[];

  /** Throws a TypeError that names the rule that cannot be applied. */
  constructor(rules: readonly RedactionRule[]) {
    this.#rules = rules.map(compile);
  }

  /** Whether there is anything to remove. */
  get isActive(): boolean {
    return this.#rules.length > 0;
  }

  /**
   * A line as it may be shown.
   *
   * Of one that was cut, the last 256 characters before the cut are hidden as well: the half of a secret matches no rule.
   */
  line(text: string): string {
    if (!this.isActive) return text;
    const [more] = text.endsWith(" bytes]") ? (cutMark.exec(text) ?? []) : [];
    if (more === undefined) return this.#apply(text);
    return `${withoutEnd(this.#apply(text.slice(0, -more.length)), hiddenAtCut)}${more}`;
  }

  /** A step as it may be shown. */
  step(step: LogStep): LogStep {
    if (!this.isActive || "rotated" in step) return step;
    return { ...step, lines: step.lines.map((line) => this.line(line)) };
  }

  /**
   * Overwrites what nobody may see in the bytes of whole lines.
   *
   * Every byte stays where it is, so that places in a file keep their meaning: a replacement that is too short is filled
   * with `*`, one that is too long is cut.
   */
  overwrite(bytes: Buffer): void {
    const mayHaveCodes = bytes.includes(escByte);
    for (let start = 0; start < bytes.length; ) {
      const found = bytes.indexOf(lineFeed, start);
      const end = found < 0 ? bytes.length : found;
      const line = bytes.subarray(start, end);
      this.#overwriteLine(line, mayHaveCodes && line.includes(escByte) ? "coloured" : "plain");
      start = end + 1;
    }
  }

  #apply(text: string): string {
    let shown = text;
    const hasCodes = text.includes(esc);
    for (const rule of this.#rules) {
      if (hasCodes && !rule.seesCodes) shown = replaceThrough(shown, rule);
      else if (rule.expression.test(shown)) shown = replaceIn(shown, rule);
    }
    const isTooLong = shown.length > text.length && shown.length > longestLine;
    return isTooLong ? "[line withheld: too long after its redaction]" : shown;
  }

  #overwriteLine(line: Buffer, kind: "coloured" | "plain"): void {
    for (const rule of this.#rules) {
      if (kind === "coloured" && !rule.seesCodes) {
        overwriteThrough(line, rule);
        continue;
      }
      if (!rule.expression.test(line)) continue;
      // The matches are those of the line as it was before the first of them is overwritten.
      const before = Buffer.from(line);
      const matcher = rule.expression.matcher(MatcherInput.utf8(before));
      while (matcher.find()) overwrite(line.subarray(matcher.start(), matcher.end()), expand(rule, matcher));
    }
  }
}

function replaceIn(line: string, rule: Rule): string {
  const matcher = rule.expression.matcher(line);
  let shown = "";
  let end = 0;
  while (matcher.find()) {
    shown += line.slice(end, matcher.start()) + expand(rule, matcher);
    end = matcher.end();
  }
  return shown + line.slice(end);
}

/** Replaces what a rule matches in a line as it is read. Every colour code stays: those within a match come after its replacement. */
function replaceThrough(line: string, rule: Rule): string {
  const { text, codes } = uncoloured(line);
  const matcher = rule.expression.matcher(text);
  const moved: Code[] = [];
  let shown = "";
  let end = 0;
  let next = 0;
  const before = (until: number) => {
    for (let one = codes[next]; one && one.at <= until; one = codes[++next])
      moved.push({ ...one, at: shown.length + one.at - end });
  };
  while (matcher.find()) {
    before(matcher.start());
    shown += text.slice(end, matcher.start()) + expand(rule, matcher);
    end = matcher.end();
    for (let one = codes[next]; one && one.at < end; one = codes[++next]) moved.push({ ...one, at: shown.length });
  }
  before(text.length);
  return woven(shown + text.slice(end), moved);
}

/** Overwrites what a rule matches in the bytes of a line as it is read, and no colour code. */
function overwriteThrough(line: Buffer, rule: Rule): void {
  const places = plainPlaces(line);
  const matcher = rule.expression.matcher(MatcherInput.utf8(Buffer.from(Array.from(places, (at) => line[at] ?? 0))));
  while (matcher.find()) {
    const said = expand(rule, matcher);
    const hidden = Buffer.alloc(matcher.end() - matcher.start(), star);
    // A character of several bytes must not be torn apart by a colour code.
    if (/^[ -~]*$/.test(said)) hidden.write(said);
    for (const [i, byte] of hidden.entries()) line[places[matcher.start() + i] ?? 0] = byte;
  }
}

function expand({ replacement }: Rule, matcher: Matcher): string {
  return replacement.map((part) => (typeof part === "string" ? part : (matcher.group(part) ?? ""))).join("");
}

function overwrite(place: Buffer, text: string): void {
  place.fill(star);
  // Writes no half of a character.
  place.write(text);
}

function compile({ pattern, replace = "[redacted]" }: RedactionRule): Rule {
  const expression = compileExpression(pattern);
  if (expression.test(""))
    throw new TypeError(`${named(pattern)} matches the empty text, so it would match everywhere`);
  const replacement = replace.split(/(\$(?:\$|\d+))/).map(parsePart);
  const beyond = replacement.find((part) => typeof part === "number" && part > expression.groupCount());
  if (beyond !== undefined) throw new TypeError(`${named(pattern)} has no group ${beyond} for its replacement to show`);
  return { expression, replacement, seesCodes: pattern.includes(esc) || /\\(?:x1b|x\{0*1b\}|033)/i.test(pattern) };
}

function compileExpression(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new TypeError(`${named(pattern)} cannot be used: ${reason}`);
  }
}

function named(pattern: string): string {
  return `The redaction pattern ${JSON.stringify(pattern)}`;
}

function parsePart(text: string): string | number {
  if (text === "$$") return "$";
  return /^\$\d+$/.test(text) ? Number(text.slice(1)) : text;
}
