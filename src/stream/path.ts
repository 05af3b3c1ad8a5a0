/** The values of a path's or subject's named segments. */
export type Params = Readonly<Record<string, string>>;

const segment = /^(?::[a-z][a-z0-9_]*|[a-z0-9_-]+)$/;

/** A pattern of segments, of which `:name` stands for any one: `runs/:run_id` as a path, `runs.:run_id` as a subject. */
export class Pattern {
  readonly text: string;
  /** The named segments, in order. */
  readonly names: readonly string[];
  readonly #segments: readonly string[];

  /** Throws TypeError when a segment is neither a lowercase word nor `:name`, or a name stands twice. */
  constructor(text: string, separator: "/" | ".") {
    this.text = text;
    this.#segments = text.split(separator);
    const wrong = this.#segments.find((part) => !segment.test(part));
    if (wrong !== undefined) throw new TypeError(`"${text}": "${wrong}" is neither a lowercase word nor ":name"`);
    this.names = this.#segments.filter(isName).map((part) => part.slice(1));
    if (new Set(this.names).size < this.names.length) throw new TypeError(`"${text}": a name stands twice`);
  }

  /** The named segments of what matches, or undefined when it does not. */
  match(segments: readonly string[]): Params | undefined {
    if (segments.length !== this.#segments.length) return undefined;
    const params: Record<string, string> = {};
    for (const [i, wanted] of this.#segments.entries()) {
      const found = segments[i] ?? "";
      if (isName(wanted)) params[wanted.slice(1)] = found;
      else if (wanted !== found) return undefined;
    }
    return params;
  }

  /** The segments with every name replaced by what `value` says. */
  fill(value: (name: string) => string): string[] {
    return this.#segments.map((part) => (isName(part) ? value(part.slice(1)) : part));
  }

  /** The literal segments before the first name. */
  get stem(): string[] {
    const end = this.#segments.findIndex(isName);
    return this.#segments.slice(0, end === -1 ? undefined : end);
  }
}

function isName(part: string): boolean {
  return part.startsWith(":");
}
