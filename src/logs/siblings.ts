import { basename, dirname, join } from "node:path";
import type { FileStat, Files } from "./files.ts";

/** A log's file, or one that was rotated away from it, under the name it had when it was looked for. */
export interface Sibling {
  readonly path: string;
  readonly stat: FileStat;
  /** How many rotations ago, when its name says so; 0 for the log's file itself. */
  readonly number: number | undefined;
}

/** Older ones are left out. */
const mostSiblings = 64;
const mostLooks = 8;

/**
 * The rotated files of a log, oldest first, and last the log's file itself when it is there: all as they were at one moment.
 *
 * Undefined when they were renamed all the time.
 */
export async function findSiblings(files: Files, home: string): Promise<readonly Sibling[] | undefined> {
  let last = await look(files, home);
  for (let looks = 1; looks < mostLooks; looks += 1) {
    const found = await look(files, home);
    if (isSame(last, found)) return found;
    last = found;
  }
  return undefined;
}

/** Whether a rotation or more must have removed a file between two neighbours. */
export function isTorn(older: Sibling, newer: Sibling): boolean {
  if (older.number === undefined || newer.number === undefined) return false;
  return older.number - newer.number > 1;
}

type Suffix = { readonly number: number } | { readonly date: readonly number[] };
type Candidate = { readonly path: string; readonly suffix: Suffix; readonly stat: FileStat };

async function look(files: Files, home: string): Promise<Sibling[]> {
  const directory = dirname(home);
  const base = basename(home);
  const names = (await files.list(directory)).filter((name) => name.startsWith(base));
  const itself = files.stat(home);
  const found = names.map(async (name): Promise<Candidate[]> => {
    const suffix = parseSuffix(name.slice(base.length));
    const path = join(directory, name);
    const stat = suffix && (await files.stat(path).catch(() => undefined));
    return stat ? [{ path, suffix, stat }] : [];
  });
  const siblings = ordered((await Promise.all(found)).flat()).slice(-mostSiblings);
  const stat = await itself;
  return stat ? [...siblings, { path: home, stat, number: 0 }] : siblings;
}

function isSame(some: readonly Sibling[], others: readonly Sibling[]): boolean {
  const isEqual = (one: Sibling, i: number) => one.path === others[i]?.path && one.stat.id === others[i]?.stat.id;
  return some.length === others.length && some.every(isEqual);
}

/** `.1`, or a date in digits after one of `-._` as logrotate's dateext makes it; nothing that was compressed. */
function parseSuffix(text: string): Suffix | undefined {
  if (/^\.\d{1,5}$/.test(text)) return { number: Number(text.slice(1)) };
  if (!/^[-._]\d+(?:[-._:T]\d+)*$/.test(text)) return undefined;
  const groups = text.slice(1).split(/[-._:T]/);
  return groups.join("").length < 6 ? undefined : { date: groups.map(Number) };
}

/** Higher numbers are older, higher dates newer; where there are both, the time of the last change tells. */
function ordered(found: readonly Candidate[]): Sibling[] {
  const areNumbers = found.every(({ suffix }) => "number" in suffix);
  const areDates = found.every(({ suffix }) => "date" in suffix);
  const compare = areNumbers || areDates ? bySuffix : byChange;
  return [...found].sort(compare).map(({ path, stat, suffix }) => {
    return { path, stat, number: areNumbers && "number" in suffix ? suffix.number : undefined };
  });
}

function bySuffix(one: Candidate, other: Candidate): number {
  if ("number" in one.suffix) return "number" in other.suffix ? other.suffix.number - one.suffix.number : 0;
  return "date" in other.suffix ? compareDates(one.suffix.date, other.suffix.date) : 0;
}

function compareDates(one: readonly number[], other: readonly number[]): number {
  const at = one.findIndex((part, i) => part !== other[i]);
  return at < 0 ? one.length - other.length : (one[at] ?? 0) - (other[at] ?? -1);
}

function byChange(one: Candidate, other: Candidate): number {
  return Number(one.stat.changedNs - other.stat.changedNs);
}
