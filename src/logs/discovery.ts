import type { Dirent } from "node:fs";
import { lstat, readdir, stat } from "node:fs/promises";
import { inBackground, type Report } from "../protocol/background.ts";
import type { Clock, Stop } from "../protocol/clock.ts";
import type { LogPattern } from "./pattern.ts";

/** What a discovery needs. */
export interface DiscoveryParts {
  readonly pattern: LogPattern;
  readonly clock: Clock;
  /** Hears the names of all logs that are there, whenever they were looked for. */
  readonly found: (names: ReadonlySet<string>) => void;
  /** Hears once in words why the directory cannot be read, and again when the reason has changed. */
  readonly report: (trouble: string) => void;
  /** Takes an exception that no request can answer for. Default: `console.error`. */
  readonly onException?: Report;
}

const lookEveryMs = 250;
const listEveryMs = 5_000;
/** Times of directories are coarse, a second on some file systems: what changed so lately may change again unseen. */
const settledAfterMs = 1_000;

/**
 * Finds the logs of a pattern, without opening them.
 *
 * Looks at the directory's time of change every 250 ms and lists it when that is new, and in any case every 5 s. It is
 * not watched: a watch on a directory is woken by every write to every file in it.
 */
export class Discovery {
  readonly #parts: DiscoveryParts;
  #stop: Stop = () => {};
  #looking: Promise<void> | undefined;
  #changedMs = Number.NaN;
  #listedMs = Number.NEGATIVE_INFINITY;
  #trouble = "";
  #closed = false;

  constructor(parts: DiscoveryParts) {
    this.#parts = parts;
  }

  /** Looks for the first time, and from then on. */
  async start(): Promise<void> {
    await this.look();
    if (!this.#closed) this.#stop = this.#parts.clock.every(lookEveryMs, () => this.#lookAgain());
  }

  #lookAgain(): void {
    inBackground("looking for logs", this.look(), this.#parts.onException ?? console.error);
  }

  /** Looks now; a directory that hangs is looked at once, not again and again. Never rejects. */
  look(): Promise<void> {
    this.#looking ??= this.#look()
      .catch((trouble: unknown) => this.#complain(trouble))
      .finally(() => {
        this.#looking = undefined;
      });
    return this.#looking;
  }

  close(): void {
    this.#closed = true;
    this.#stop();
  }

  async #look(): Promise<void> {
    const { pattern, clock } = this.#parts;
    const now = clock.now();
    const changedMs = await changedAt(pattern.directory);
    const isSettled = changedMs === this.#changedMs && changedMs < this.#listedMs - settledAfterMs;
    if (isSettled && now - this.#listedMs < listEveryMs) return;
    const names = await this.#list();
    this.#changedMs = changedMs;
    this.#listedMs = now;
    this.#trouble = "";
    if (!this.#closed) this.#parts.found(names);
  }

  async #list(): Promise<Set<string>> {
    const { pattern } = this.#parts;
    const names = new Set<string>();
    for (const entry of await entriesOf(pattern.directory)) {
      const name = canBeLog(entry, pattern.isNested) ? pattern.nameOf(entry.name) : undefined;
      if (name !== undefined && (!pattern.isNested || (await isThere(pattern.pathOf(name))))) names.add(name);
    }
    return names;
  }

  #complain(thrown: unknown): void {
    const trouble = thrown instanceof Error ? thrown.message : String(thrown);
    if (trouble !== this.#trouble) this.#parts.report(`The logs cannot be looked for: ${trouble}`);
    this.#trouble = trouble;
  }
}

/** Where a link leads is looked at by whoever opens it. */
function canBeLog(entry: Dirent, isNested: boolean): boolean {
  return entry.isSymbolicLink() || (isNested ? entry.isDirectory() : entry.isFile());
}

async function changedAt(directory: string): Promise<number> {
  const found = await stat(directory).catch(unlessAbsent);
  return found?.mtimeMs ?? 0;
}

async function entriesOf(directory: string): Promise<readonly Dirent[]> {
  return (await readdir(directory, { withFileTypes: true }).catch(unlessAbsent)) ?? [];
}

/** A directory that may not be entered has no log for us. */
async function isThere(path: string | undefined): Promise<boolean> {
  const found = path === undefined ? undefined : await lstat(path).catch(() => undefined);
  return found !== undefined && (found.isFile() || found.isSymbolicLink());
}

function unlessAbsent(thrown: unknown): undefined {
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  if (code !== "ENOENT" && code !== "ENOTDIR") throw thrown;
}
