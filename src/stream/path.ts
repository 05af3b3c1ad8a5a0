import { Failure } from "../protocol/failure.ts";
import { echoed } from "../protocol/limits.ts";

/** The values of a path's or subject's named segments. */
export type Params = Readonly<Record<string, string>>;

const shape = /^(?::([a-z][a-z0-9_]*)(?:\(([a-z0-9_]+(?:\|[a-z0-9_]+)*)\))?|([a-z0-9_-]+))$/;

/** One segment: a word, or a name that stands for any word or for one of a few. */
interface Segment {
  readonly word: string;
  readonly name: string | undefined;
  /** The words that a name may stand for; any when undefined. */
  readonly values: readonly string[] | undefined;
}

/**
 * A pattern of segments, of which `:name` stands for any one, and `:kind(agents|tasks)` for one of those: `runs/:run_id` as
 * a path, `runs.:run_id` as a subject.
 */
export class Pattern {
  readonly text: string;
  /** The named segments, in order. */
  readonly names: readonly string[];
  readonly #segments: readonly Segment[];

  /** Throws TypeError when a segment is neither a lowercase word nor `:name`, or a name stands twice. */
  constructor(text: string, separator: "/" | ".") {
    this.text = text;
    this.#segments = text.split(separator).map((part) => parse(part, text));
    this.names = this.#segments.map(({ name }) => name).filter((name) => name !== undefined);
    if (new Set(this.names).size < this.names.length) throw new TypeError(`"${text}": a name stands twice`);
  }

  /** The named segments of what matches, or undefined when it does not. */
  match(segments: readonly string[]): Params | undefined {
    if (segments.length !== this.#segments.length) return undefined;
    const params: Record<string, string> = {};
    for (const [i, { word, name, values }] of this.#segments.entries()) {
      const found = segments[i] ?? "";
      if (name === undefined ? word !== found : values?.includes(found) === false) return undefined;
      if (name !== undefined) params[name] = found;
    }
    return params;
  }

  /** The segments with every name replaced by what `value` says. */
  fill(value: (name: string) => string): string[] {
    return this.#segments.map(({ word, name }) => (name === undefined ? word : value(name)));
  }

  /** The segments once for every choice among the words that a name may stand for; any other name that is not `known` is replaced by `*`. */
  expand(known: Params = {}): string[][] {
    let all: string[][] = [[]];
    for (const { word, name, values } of this.#segments) {
      const choices =
        name === undefined ? [word] : Object.hasOwn(known, name) ? [known[name] ?? ""] : (values ?? ["*"]);
      all = all.flatMap((before) => choices.map((choice) => [...before, choice]));
    }
    return all;
  }

  /** The words before the first name; where the first segment is one of a few words, all of them. */
  get stem(): readonly string[] {
    const [first] = this.#segments;
    if (first?.values) return first.values;
    const end = this.#segments.findIndex(({ name }) => name !== undefined);
    return this.#segments.slice(0, end === -1 ? undefined : end).map(({ word }) => word);
  }
}

function parse(part: string, text: string): Segment {
  const [whole, name, values, word = ""] = shape.exec(part) ?? [];
  if (whole === undefined) throw new TypeError(`"${text}": "${part}" is neither a lowercase word nor ":name"`);
  return { word, name, values: values?.split("|") };
}

/** The segments of a path, decoded. Throws `bad_request` when one is not encoded as UTF-8. */
export function segmentsOf(path: string): string[] {
  try {
    // Half a character, which JSON can say, is no text that could be written down again.
    if (!path.isWellFormed()) throw new URIError();
    return path.split("/").map(decodeURIComponent);
  } catch {
    throw new Failure("bad_request", `Path "${echoed(path)}" is not percent-encoded UTF-8`);
  }
}
