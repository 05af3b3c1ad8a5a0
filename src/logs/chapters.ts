import { closeFile, type FileStat, type Files, type OpenFile } from "./files.ts";
import { bytesBefore, isLike } from "./generation.ts";
import type { Lives } from "./lives.ts";
import { markBytes } from "./mark.ts";
import { isTorn, type Sibling } from "./siblings.ts";

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

type Unnamed = Omit<Chapter, "generation">;

export interface Heirs {
  /** Whether a file without bytes is opened, too: a writer may still have it. */
  readonly isFollowing: boolean;
  readonly list: readonly Sibling[];
  readonly heirs: readonly Sibling[];
  readonly until: Held;
}

/** Opens what is to be read whole: what is no copy of what comes later. */
export async function openHeirs(house: House, { list, heirs, until, isFollowing }: Heirs): Promise<Lineage> {
  const opened: Unnamed[] = [];
  try {
    for (const heir of heirs) {
      opened.push({ ...(await openSibling(house, heir)), from: 0, lost: lostAfter(list, heir, until) });
    }
    return await withoutCopies(house, opened, { list, heirs, until, isFollowing });
  } catch (trouble) {
    await closeAll(opened);
    throw trouble;
  }
}

/** Closes the files of chapters. */
export async function closeAll(chapters: readonly Pick<Chapter, "file">[]): Promise<void> {
  await Promise.all(chapters.map(({ file }) => closeFile(file)));
}

export async function openSibling(
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

/** False when the sibling cannot be opened or is another file by now. */
export async function withSibling(
  { files, root }: House,
  { path, stat }: Sibling,
  judge: (file: OpenFile) => Promise<boolean>,
): Promise<boolean> {
  const file = await files.open(path, root).catch(() => undefined);
  if (!file) return false;
  try {
    return (await file.stat()).id === stat.id && (await judge(file));
  } finally {
    await file.close();
  }
}

/** What may be missing between a file and the next: it is a copy when one that comes later was born earlier. */
export function lostAfter(list: readonly Sibling[], one: Sibling | undefined, until: Held): Chapter["lost"] {
  const at = one ? list.indexOf(one) : -1;
  if (!one || at < 0) return undefined;
  const next = list[at + 1];
  if (next && isTorn(one, next)) return "deleted";
  const end = list.findIndex(({ stat }) => stat.id === until.id);
  const later = end < 0 ? list.slice(at + 1) : list.slice(at + 1, end);
  const births = [...later.map(({ stat }) => stat.birthNs), until.birthNs];
  return births.some((birthNs) => birthNs <= one.stat.birthNs) ? "truncated" : undefined;
}

async function withoutCopies({ lives }: House, all: readonly Unnamed[], heirs: Heirs): Promise<Lineage> {
  const { until, isFollowing } = heirs;
  const chapters: Chapter[] = [];
  let lost: Chapter["lost"];
  for (const [at, one] of all.entries()) {
    const later = [...all.slice(at + 1).map(({ file, stat }) => ({ ...stat, file })), until];
    const isEmpty = one.stat.size === 0 && !isFollowing;
    if (!isEmpty && !(await isCopyOfAny(one, later))) {
      chapters.push({ ...one, generation: isFollowing ? lives.nameOf(one.stat.id) : await nameOf(lives, one) });
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

/** The generation of a file: when it is a copy of a life that is over, that life. */
async function nameOf(lives: Lives, { file, stat }: Unnamed): Promise<string> {
  for (const reach of lives.ended) {
    if (await isLike(file, stat.size, reach)) return reach.generation;
  }
  return lives.nameOf(stat.id);
}

/** Whether a file was made as a copy of one that is there: born later, and the same from its start to its end. */
async function isCopyOfAny({ file, stat }: Unnamed, others: readonly Held[]): Promise<boolean> {
  const ends = [Math.min(markBytes, stat.size), stat.size];
  for (const other of others) {
    if (other.birthNs > stat.birthNs) continue;
    // Files without bytes are all the same; one that was born in the same tick of the clock was rotated away, rather.
    if (other.birthNs === stat.birthNs && stat.size === 0) continue;
    const isSame = await Promise.all(ends.map((end) => areEqualBefore(file, other.file, end)));
    if (isSame.every((one) => one)) return true;
  }
  return false;
}

async function areEqualBefore(one: OpenFile, other: OpenFile, offset: number): Promise<boolean> {
  const [some, others] = await Promise.all([one, other].map((file) => bytesBefore(file, offset, markBytes)));
  return some !== undefined && others !== undefined && some.equals(others);
}
