import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { LogFollower } from "./log-follower.ts";
import { LogWriter } from "./log-writer.ts";
import { readNumbered } from "./numbered-line.ts";
import type { Mode } from "./rotations.ts";
import { seeded } from "./seeded.ts";

/** One run: a log, its followers, and so many rotations. */
export interface Torture<Follower extends LogFollower> {
  readonly mode: Mode;
  readonly rotations: number;
  /** The log. Nothing else is in its folder. */
  readonly path: string;
  /** A folder for what is not a log. */
  readonly folder: string;
  /** Who follows it, once it is there. */
  readonly follow: () => readonly Follower[];
  readonly seed: number;
  /** What else happens, after each rotation. */
  readonly trouble?: (moment: Moment) => Promise<void> | void;
  /** Settles when followers that may never get the last line have had their time. Default: they are waited for. */
  readonly patience?: () => Promise<void>;
}

/** A moment right after a rotation. */
export interface Moment {
  /** How many there have been. */
  readonly rotation: number;
  readonly random: () => number;
  /** Settles when every follower has lines that were written after the rotation. */
  readonly areOver: () => Promise<unknown>;
}

/** What came of it. */
export interface Tortured<Follower extends LogFollower> {
  readonly followers: readonly Follower[];
  /** How many lines were written. */
  readonly written: number;
  /** Numbers that are in no file any more, right after the rotation that lost them. */
  readonly unkept: ReadonlySet<number>;
}

/** Between so many lines and a rotation: from 8 ms to 60 ms at the writer's plain rate. */
const [fewestLines, mostLines] = [40, 300];
/** Lines after the last rotation. */
const closingLines = 200;

/** Rotates a log while others follow it, and lets them come to the last line. */
export async function torture<Follower extends LogFollower>(run: Torture<Follower>): Promise<Tortured<Follower>> {
  const { mode, path, folder } = run;
  const random = seeded(run.seed);
  for (const place of [dirname(path), folder]) mkdirSync(place, { recursive: true });
  mode.prepare?.(path);
  await using writer = await LogWriter.start({ path, ...mode.writing });
  const followers = run.follow();
  await Promise.all(followers.map((follower) => follower.until(({ isReady }) => isReady)));
  const rotate = mode.rotator({ path, folder, writer });
  const kept = new Set<number>();
  for (let rotation = 1; rotation <= run.rotations; rotation++) {
    await writer.writes(fewestLines + Math.floor(random() * (mostLines - fewestLines)));
    if (mode.secondsApart) await writer.writes(5000 * mode.secondsApart);
    if (mode.leavesNothing) await haveCome(followers, writer.told.firstNumber);
    await rotate();
    if (mode.losesLines) for (const number of numbersIn(`${path}.1`)) kept.add(number);
    const areOver = () => writer.writes(fewestLines).then(() => haveCome(followers, writer.told.number));
    await run.trouble?.({ rotation, random, areOver });
  }
  const written = await writer.finish(closingLines);
  await Promise.race([haveCome(followers, written), ...(run.patience ? [run.patience()] : [])]);
  for (const follower of followers) follower[Symbol.dispose]();
  for (const file of filesOf(path)) for (const number of numbersIn(file)) kept.add(number);
  const all = Array.from({ length: written }, (_, at) => at + 1);
  return { followers, written, unkept: new Set(all.filter((number) => !kept.has(number))) };
}

/** Settles when the followers have a line, or a later one. */
function haveCome(followers: readonly LogFollower[], number: number): Promise<unknown> {
  return Promise.all(followers.map((follower) => follower.until(({ ledger }) => ledger.last >= number)));
}

function filesOf(path: string): string[] {
  const folder = dirname(path);
  return readdirSync(folder).map((file) => join(folder, file));
}

function numbersIn(file: string): number[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.flatMap((line) => readNumbered(line)?.number ?? []);
}
