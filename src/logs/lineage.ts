import type { LogPlace } from "../protocol/log.ts";
import type { FileStat, Files, OpenFile } from "./files.ts";
import { bytesBefore, isAt } from "./generation.ts";
import type { Lives } from "./lives.ts";
import { fileName, fileOf, leastBytes, markBytes } from "./mark.ts";
import { findSiblings, isTorn, type Sibling } from "./siblings.ts";

/** Where rotated files are looked for. */
export interface House {
  readonly files: Files;
  readonly root: string;
  /** The path of the log's file, links followed: the others lie beside it. */
  readonly home: string;
  readonly lives: Lives;
}

/** A file that is held open: where a lineage ends, or begins. */
export interface Held {
  readonly id: string;
  readonly birthNs: bigint;
  readonly file: OpenFile;
}

/** A file to read, or a part of one. Whoever has it closes it. */
export interface Chapter {
  readonly file: OpenFile;
  readonly stat: FileStat;
  readonly generation: string;
  readonly from: number;
  /** What may be missing after it, and why. */
  readonly lost: "truncated" | "deleted" | undefined;
}

/** What came after a place and before the file that is held; `lost`: what may be missing before the first chapter. */
export interface Lineage {
  readonly chapters: readonly Chapter[];
  readonly lost: "truncated" | "deleted" | undefined;
}

/** Files that cannot be told apart from one another while they are being renamed: look again. */
export class Unsettled extends Error {}

/** The files that came after one that is held, and before another one. Throws Unsettled. */
export async function missedBetween(house: House, old: Held, until: Held): Promise<Lineage> {
  const list = await settled(house);
  const before = beforeHeld(list, until);
  const at = before.findIndex(({ stat }) => stat.id === old.id);
  if (at >= 0) {
    const { chapters, lost } = await openHeirs(house, {
      list,
      heirs: before.slice(at + 1).filter(isUnread(house)),
      until,
    });
    return { chapters, lost: lost ?? lostAfter(list, before[at], until) };
  }
  const known = await lastKnown(house, before);
  const isLater = ({ stat }: Sibling) => stat.birthNs >= old.birthNs;
  const heirs = before
    .slice(known + 1)
    .filter(isLater)
    .filter(isUnread(house));
  const { chapters } = await openHeirs(house, { list, heirs, until });
  // Where one was deleted, others may have been.
  return { chapters, lost: chapters.length > 0 ? "deleted" : undefined };
}

/**
 * The file that holds what came after a place, and those after it, up to one that is held. That one is not among them,
 * nor when the place itself is in it.
 *
 * Undefined when no file has the place. Throws Unsettled.
 */
export async function lineageOf(house: House, place: LogPlace, until: Held): Promise<Lineage | undefined> {
  if (
    isTrusted(house.lives, place) &&
    fileName(until.id) === fileOf(place.generation) &&
    (await isAt(until.file, place))
  )
    return { chapters: [], lost: undefined };
  const list = await settled(house);
  const itself = await findItself(house, list, place);
  const found = itself ?? (await findCopy(house, list, place, until));
  if (!found) return undefined;
  const older = beforeHeld(list, until);
  const heirs = older.includes(found) ? older.slice(older.indexOf(found) + 1) : [];
  const rest = await openHeirs(house, { list, heirs, until });
  try {
    const after = list.some(({ stat }) => stat.id === until.id) ? lostAfter(list, found, until) : "deleted";
    const lost = itself ? (rest.lost ?? after) : "truncated";
    const first = await openSibling(house, found);
    return {
      chapters: [{ ...first, generation: place.generation, from: place.offset, lost }, ...rest.chapters],
      lost: undefined,
    };
  } catch (trouble) {
    await closeAll(rest.chapters);
    throw trouble;
  }
}

/** Closes the files of chapters. */
export async function closeAll(chapters: readonly Pick<Chapter, "file">[]): Promise<void> {
  await Promise.all(chapters.map(({ file }) => file.close().catch(() => {})));
}

async function settled({ files, home }: House): Promise<readonly Sibling[]> {
  const list = await findSiblings(files, home);
  if (!list) throw new Unsettled();
  return list;
}

/** Those that are older than a file that is held; when it has no name any more, those that were born before it. */
function beforeHeld(list: readonly Sibling[], until: Held): readonly Sibling[] {
  const at = list.findIndex(({ stat }) => stat.id === until.id);
  return at >= 0 ? list.slice(0, at) : list.filter(({ stat }) => stat.birthNs <= until.birthNs);
}

function isUnread({ lives }: House): (sibling: Sibling) => boolean {
  return ({ stat }) => !lives.wasRead(fileName(stat.id));
}

/** What may be missing between a file and the next: it is a copy when one that comes later was born earlier. */
function lostAfter(list: readonly Sibling[], one: Sibling | undefined, until: Held): Chapter["lost"] {
  const at = one ? list.indexOf(one) : -1;
  if (!one || at < 0) return undefined;
  const next = list[at + 1];
  if (next && isTorn(one, next)) return "deleted";
  const end = list.findIndex(({ stat }) => stat.id === until.id);
  const later = end < 0 ? list.slice(at + 1) : list.slice(at + 1, end);
  const births = [...later.map(({ stat }) => stat.birthNs), until.birthNs];
  return births.some((birthNs) => birthNs <= one.stat.birthNs) ? "truncated" : undefined;
}

/** The newest sibling that was read: the same file, or a copy of one that was truncated. */
async function lastKnown(house: House, list: readonly Sibling[]): Promise<number> {
  const ended = house.lives.ended.filter(({ offset }) => offset >= leastBytes);
  for (let at = list.length - 1; at >= 0; at -= 1) {
    const sibling = list[at];
    if (!sibling) continue;
    if (!isUnread(house)(sibling)) return at;
    for (const place of ended) {
      if (sibling.stat.size >= place.offset && (await hasPlace(house, sibling, place))) return at;
    }
  }
  return -1;
}

/** Whether a place may be looked for in the file it names: not when that was truncated, nor when too little is known of it. */
function isTrusted(lives: Lives, { generation, offset }: LogPlace): boolean {
  if (lives.isOver(generation)) return false;
  return offset >= leastBytes || lives.has(generation);
}

async function findItself(house: House, list: readonly Sibling[], place: LogPlace): Promise<Sibling | undefined> {
  if (!isTrusted(house.lives, place)) return undefined;
  const itself = list.find(({ stat }) => fileName(stat.id) === fileOf(place.generation));
  return itself && (await hasPlace(house, itself, place)) ? itself : undefined;
}

/** The newest file with the same bytes before the same offset. */
async function findCopy(
  house: House,
  list: readonly Sibling[],
  place: LogPlace,
  until: Held,
): Promise<Sibling | undefined> {
  if (place.offset < leastBytes) return undefined;
  const at = list.findIndex(({ stat }) => stat.id === until.id);
  const before = at < 0 ? list.filter(({ number }) => number !== 0) : list.slice(0, at);
  for (const sibling of before.toReversed()) {
    if (sibling.stat.size >= place.offset && (await hasPlace(house, sibling, place))) return sibling;
  }
  return undefined;
}

async function hasPlace({ files, root }: House, { path, stat }: Sibling, place: LogPlace): Promise<boolean> {
  const file = await files.open(path, root).catch(() => undefined);
  if (!file) return false;
  try {
    return (await file.stat()).id === stat.id && (await isAt(file, place));
  } finally {
    await file.close();
  }
}

type Unnamed = Omit<Chapter, "generation">;

interface Heirs {
  readonly list: readonly Sibling[];
  readonly heirs: readonly Sibling[];
  readonly until: Held;
}

/** Opens what is to be read whole: what has bytes, and is no copy of what comes later. */
async function openHeirs(house: House, { list, heirs, until }: Heirs): Promise<Lineage> {
  const opened: Unnamed[] = [];
  try {
    for (const heir of heirs) {
      opened.push({ ...(await openSibling(house, heir)), from: 0, lost: lostAfter(list, heir, until) });
    }
    return await withoutCopies(house, opened, until);
  } catch (trouble) {
    await closeAll(opened);
    throw trouble;
  }
}

async function openSibling(
  { files, root }: House,
  { path, stat }: Sibling,
): Promise<{ file: OpenFile; stat: FileStat }> {
  const file = await files.open(path, root);
  if (!file) throw new Unsettled();
  const opened = await file.stat();
  if (opened.id === stat.id) return { file, stat: opened };
  await file.close();
  throw new Unsettled();
}

async function withoutCopies({ lives }: House, all: readonly Unnamed[], until: Held): Promise<Lineage> {
  const chapters: Chapter[] = [];
  let lost: Chapter["lost"];
  for (const [at, one] of all.entries()) {
    const later = [...all.slice(at + 1).map(({ file, stat }) => ({ ...stat, file })), until];
    if (one.stat.size > 0 && !(await isCopyOfAny(one, later))) {
      chapters.push({ ...one, generation: lives.nameOf(one.stat.id) });
      continue;
    }
    await one.file.close();
    // What is missing after a file that is left out is missing after the one before.
    if (one.lost !== "deleted") continue;
    const previous = chapters.pop();
    if (previous) chapters.push({ ...previous, lost: "deleted" });
    else lost = "deleted";
  }
  return { chapters, lost };
}

/** Whether a file was made as a copy of one that is there: born later, and the same from its start to its end. */
async function isCopyOfAny({ file, stat }: Unnamed, others: readonly Held[]): Promise<boolean> {
  const ends = [Math.min(markBytes, stat.size), stat.size];
  for (const other of others) {
    if (other.birthNs > stat.birthNs) continue;
    const isSame = await Promise.all(ends.map((end) => areEqualBefore(file, other.file, end)));
    if (isSame.every((one) => one)) return true;
  }
  return false;
}

async function areEqualBefore(one: OpenFile, other: OpenFile, offset: number): Promise<boolean> {
  const [some, others] = await Promise.all([one, other].map((file) => bytesBefore(file, offset, markBytes)));
  return some !== undefined && others !== undefined && some.equals(others);
}
