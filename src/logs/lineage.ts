import type { LogPlace } from "../protocol/log.ts";
import {
  type Chapter,
  closeAll,
  type Held,
  type House,
  type Lineage,
  lostAfter,
  openHeirs,
  openSibling,
  Unsettled,
  withSibling,
} from "./chapters.ts";
import { type Generation, isAt, isLike, type Reach } from "./generation.ts";
import type { Lives } from "./lives.ts";
import { fileName, fileOf, leastBytes } from "./mark.ts";
import { findSiblings, type Sibling } from "./siblings.ts";

/** The files that came after one that is held, and before another one. Throws Unsettled. */
export async function missedBetween(house: House, old: Generation, until: Held): Promise<Lineage> {
  const list = await settled(house);
  const before = beforeHeld(list, until);
  const at = before.findIndex(({ stat }) => stat.id === old.id);
  if (at >= 0) {
    const heirs = before.slice(at + 1).filter(isUnread(house));
    const { chapters, lost } = await openHeirs(house, { list, heirs, until, isFollowing: true });
    return { chapters, lost: lost ?? lostAfter(list, before[at], until) };
  }
  const known = await lastKnown(house, before, [...house.lives.ended, old.reach]);
  const later = before.filter(({ stat }) => stat.birthNs >= old.birthNs);
  const heirs = later.filter((one) => before.indexOf(one) > known && isUnread(house)(one));
  const { chapters } = await openHeirs(house, { list, heirs, until, isFollowing: true });
  // Where one was deleted, others may have been; and each that is there may be a copy of one that was.
  const told = chapters.map((chapter) => ({ ...chapter, lost: chapter.lost ?? ("deleted" as const) }));
  return { chapters: told, lost: later.length > 0 ? "deleted" : undefined };
}

/**
 * The file that holds what came after a place, and those after it, up to one that is held. That one is not among them,
 * nor when the place itself is in it.
 *
 * Undefined when no file has the place. Throws Unsettled.
 */
export async function lineageOf(house: House, place: LogPlace, until: Generation): Promise<Lineage | undefined> {
  if (
    !house.lives.isOver(place.generation) &&
    fileName(until.id) === fileOf(place.generation) &&
    (await isAt(until.file, place))
  )
    return { chapters: [], lost: undefined };
  const list = await settled(house);
  const itself = await findItself(house, list, place);
  const found = itself ?? (await findCopy(house, list, place, until));
  if (!found) return house.lives.isOver(place.generation) ? { chapters: [], lost: "truncated" } : undefined;
  const older = beforeHeld(list, until);
  const heirs = older.includes(found) ? older.slice(older.indexOf(found) + 1) : [];
  const rest = await openHeirs(house, { list, heirs, until, isFollowing: false });
  try {
    const after = list.some(({ stat }) => stat.id === until.id) ? lostAfter(list, found, until) : "deleted";
    const lost = itself ? (rest.lost ?? after) : "truncated";
    const first = await openSibling(house, found);
    // More was read of the file than its copy has: what follows is all that is left.
    if (first.stat.size < place.offset) {
      await first.file.close();
      return { chapters: withKnownGaps(house.lives, rest.chapters, until), lost: "truncated" };
    }
    // From here on its life is known, and the next place is not vague any more.
    const generation = isVague(house.lives, place) ? house.lives.nameOf(first.stat.id) : place.generation;
    const chapter = { ...first, generation, from: place.offset, lost };
    return { chapters: withKnownGaps(house.lives, [chapter, ...rest.chapters], until), lost: undefined };
  } catch (trouble) {
    await closeAll(rest.chapters);
    throw trouble;
  }
}

/** What was followed between two files and is not there any more is missing. */
function withKnownGaps(lives: Lives, chapters: readonly Chapter[], until: Generation): Chapter[] {
  const order = [...lives.left, until.name];
  return chapters.map((chapter, i) => {
    const at = order.lastIndexOf(chapter.generation);
    const next = chapters[i + 1]?.generation ?? until.name;
    const isGap = at >= 0 && at < order.length - 1 && order[at + 1] !== next;
    const lost = chapter.lost ?? lives.lostAfter(chapter.generation) ?? (isGap ? "deleted" : undefined);
    return { ...chapter, lost };
  });
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

/** The newest sibling that was read: the same file, or a copy of one that was. */
async function lastKnown(house: House, list: readonly Sibling[], read: readonly Reach[]): Promise<number> {
  for (let at = list.length - 1; at >= 0; at -= 1) {
    const sibling = list[at];
    if (!sibling) continue;
    if (!isUnread(house)(sibling)) return at;
    for (const place of read) {
      if (await withSibling(house, sibling, (file) => isLike(file, sibling.stat.size, place))) return at;
    }
  }
  return -1;
}

/**
 * Whether too little is known of a place to tell that its file was not truncated since: fewer than 16 bytes, of a life that
 * nobody here has followed.
 */
export function isVague(lives: Lives, { generation, offset }: LogPlace): boolean {
  return offset < leastBytes && !lives.has(generation);
}

async function findItself(house: House, list: readonly Sibling[], place: LogPlace): Promise<Sibling | undefined> {
  if (house.lives.isOver(place.generation)) return undefined;
  const itself = list.find(({ stat }) => fileName(stat.id) === fileOf(place.generation));
  return itself && (await hasPlace(house, itself, place)) ? itself : undefined;
}

/** The newest file with the same bytes before the same offset, or like all that was read of it when that is known. */
async function findCopy(
  house: House,
  list: readonly Sibling[],
  place: LogPlace,
  until: Held,
): Promise<Sibling | undefined> {
  if (place.offset < leastBytes) return undefined;
  const reach = house.lives.isOver(place.generation) ? house.lives.reachOf(place.generation) : undefined;
  const isKnown = reach !== undefined && reach.head.length >= leastBytes;
  const at = list.findIndex(({ stat }) => stat.id === until.id);
  const before = at < 0 ? list.filter(({ number }) => number !== 0) : list.slice(0, at);
  for (const sibling of before.toReversed()) {
    const isFound = isKnown
      ? sibling.stat.size >= leastBytes &&
        (await withSibling(house, sibling, (file) => isLike(file, sibling.stat.size, reach)))
      : sibling.stat.size >= place.offset && (await hasPlace(house, sibling, place));
    if (isFound) return sibling;
  }
  return undefined;
}

function hasPlace(house: House, sibling: Sibling, place: LogPlace): Promise<boolean> {
  return withSibling(house, sibling, (file) => isAt(file, place));
}
