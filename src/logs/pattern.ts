import { join, resolve } from "node:path";

/** What a pattern is resolved against, and where its logs must lie. */
export interface PatternOptions {
  /** Every log must lie in this directory, links followed. Default: the directory that has the names. */
  readonly root?: string;
  /** What relative paths begin at. Default: the working directory. */
  readonly cwd?: string;
}

const placeholder = "{name}";
const plain = /^[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,127}$/;

/**
 * Where logs lie and what they are called: `/var/log/agents/{name}.log`, or `/var/log/{name}/current.log`.
 *
 * A path is made of a name here only, and only of a name that is plain: letters, digits and `_.@+-`, at most 128, not
 * beginning with `.`, `@`, `+` or `-`, without `..`.
 */
export class LogPattern {
  /** The directory whose entries have the names. */
  readonly directory: string;
  /** What a log must not lead out of. */
  readonly root: string;
  /** What is behind the entry with the name, when the logs lie in directories of their own; else empty. */
  readonly #below: string;
  readonly #prefix: string;
  readonly #suffix: string;

  /** Throws a TypeError that says what is wrong with the text. */
  constructor(text: string, { root, cwd = "" }: PatternOptions = {}) {
    const parts = text.split(placeholder);
    const [before = "", after = ""] = parts;
    if (parts.length !== 2) {
      throw new TypeError(`The pattern of logs ${JSON.stringify(text)} must contain ${placeholder} exactly once`);
    }
    if (text.endsWith("/")) {
      throw new TypeError(`The pattern of logs ${JSON.stringify(text)} must name a file, not a directory`);
    }
    const slash = before.lastIndexOf("/") + 1;
    const [suffix = "", ...below] = after.split("/");
    this.directory = resolve(cwd, before.slice(0, slash));
    this.root = root === undefined ? this.directory : resolve(cwd, root);
    this.#prefix = before.slice(slash);
    this.#suffix = suffix;
    this.#below = below.join("/");
  }

  /** Whether each log has a directory of its own. */
  get isNested(): boolean {
    return this.#below !== "";
  }

  /** The name that an entry of the directory stands for, or undefined when it is no log's. */
  nameOf(entry: string): string | undefined {
    if (!entry.startsWith(this.#prefix) || !entry.endsWith(this.#suffix)) return undefined;
    const name = entry.slice(this.#prefix.length, entry.length - this.#suffix.length);
    // Of an entry shorter than both together the end comes before the start.
    return this.#prefix + name + this.#suffix === entry && this.#isName(name) ? name : undefined;
  }

  /** Where the log of that name lies, or undefined when it is no name. */
  pathOf(name: string): string | undefined {
    if (!this.#isName(name)) return undefined;
    return join(this.directory, this.#prefix + name + this.#suffix, this.#below);
  }

  #isName(name: string): boolean {
    if (!plain.test(name) || name.includes("..")) return false;
    // Without anything behind it, `api.1` is the file that was `api` before it was rotated.
    return this.isNested || this.#suffix !== "" || !name.includes(".");
  }
}
