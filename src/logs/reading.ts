import { Failure } from "../protocol/failure.ts";
import type { LogBacklog, LogBytes, LogPlace, LogReading, LogStep } from "../protocol/log.ts";
import { type Chapter, closeAll, type House, type Lineage, Unsettled } from "./chapters.ts";
import { chunkBytes, Generation } from "./generation.ts";
import type { LateFiles } from "./late.ts";
import { isVague, lineageOf } from "./lineage.ts";
import { startMark } from "./mark.ts";
import { findLineStart } from "./scan.ts";

/** A log that is followed, as far as is asked about it. */
export interface FollowedLog {
  readonly house: House;
  readonly current: Generation;
  readonly late: LateFiles;
  readonly maxLineBytes: number;
  readonly nowMs: number;
}

/** A piece of a log's file, as it is in the file. */
export interface BytesPiece {
  readonly head: LogBytes;
  readonly bytes: Buffer;
}

const lost = { lost: true } as const;
const mostScanBytes = 8 * 1024 * 1024;
const mostPieceBytes = 1024 * 1024;
/** How many bytes of JSON one byte of a line can become. */
const worstGrowth = 6;

/**
 * The steps after a place, about `limitBytes` of JSON at most; null: from the start of the file that is there.
 *
 * They bear the name that the follower has for a generation, also when `since` has another one for the same. When `since`
 * is so near to the start of its file that nobody can tell whether the file was truncated since, they begin with that gap.
 */
export async function readAfter(
  log: FollowedLog,
  since: LogPlace | null,
  upTo: LogPlace,
  limitBytes: number,
): Promise<LogReading> {
  const { current, house } = log;
  const place = since ?? { generation: current.name, offset: 0, mark: startMark };
  return withLineage(house, place, current, async (lineage) => {
    if (!lineage) return lost;
    return new Walk(log, upTo, limitBytes).read(place, lineage);
  });
}

/** The newest lines before a place, about `limitBytes` of JSON at most. */
export async function readBacklog(
  log: FollowedLog,
  count: number,
  upTo: LogPlace,
  limitBytes: number,
): Promise<LogBacklog> {
  const { current, house } = log;
  if (upTo.offset === 0 || count === 0) return { lines: [], place: upTo };
  return withLineage(house, upTo, current, async (lineage) => {
    if (!lineage || lineage.lost) return lost;
    const [{ file, stat } = { file: current.file, stat: await current.file.stat() }] = lineage.chapters;
    const lastByte = Buffer.alloc(1);
    await file.read(lastByte, upTo.offset - 1);
    const feeds = lastByte[0] === 0x0a ? count + 1 : count;
    const whole = await findLineStart(file, upTo.offset, feeds, mostScanBytes);
    const start = whole ?? upTo.offset - mostScanBytes;
    const generation = await Generation.at(
      { name: upTo.generation, file, stat, maxLineBytes: log.maxLineBytes },
      start,
    );
    const lines = generation && (await lastLines(generation, upTo, limitBytes));
    if (!lines) return lost;
    return { lines: (whole === undefined ? lines.slice(1) : lines).slice(-count), place: upTo };
  });
}

/**
 * Bytes of the current file as they are, at most a MiB; or of a generation that was rotated away a moment ago.
 *
 * Throws `conflict` when the generation cannot be had any more.
 */
export async function readBytes(
  { current, late }: FollowedLog,
  name: string | undefined,
  from: number,
  most: number,
): Promise<BytesPiece> {
  const generation = name === undefined || name === current.name ? current : late.find(name);
  const stat = await generation?.file.stat();
  if (!generation || !stat || stat.size < generation.readTo) {
    throw new Failure("conflict", "The log has gone on in another file");
  }
  const length = Math.max(0, Math.min(most, mostPieceBytes, stat.size - from));
  const bytes = Buffer.allocUnsafeSlow(length);
  const count = length === 0 ? 0 : await generation.file.read(bytes, from);
  const head = { generation: generation.name, from, to: from + count, size: stat.size };
  return { head, bytes: bytes.subarray(0, count) };
}

/** Has `work` done with the files that came after a place, and closes them; without them when they cannot be told. */
async function withLineage<Result>(
  house: House,
  place: LogPlace,
  until: Generation,
  work: (lineage: Lineage | undefined) => Promise<Result>,
): Promise<Result> {
  const lineage = await lineageOf(house, place, until).catch((trouble: unknown) => {
    if (trouble instanceof Unsettled) return undefined;
    throw trouble;
  });
  try {
    return await work(lineage);
  } finally {
    await closeAll(lineage?.chapters ?? []);
  }
}

/** The lines up to a place, the newest of them that fit; undefined when the file is another by now. */
async function lastLines(generation: Generation, upTo: LogPlace, limitBytes: number): Promise<string[] | undefined> {
  const kept: string[] = [];
  let bytes = 0;
  const keep = (lines: readonly string[]) => {
    for (const line of lines) bytes += jsonBytes(kept[kept.push(line) - 1]);
    let dropped = 0;
    while (bytes > limitBytes && dropped < kept.length - 1) bytes -= jsonBytes(kept[dropped++]);
    kept.splice(0, dropped);
  };
  while (generation.readTo < upTo.offset) {
    const piece = await generation.read(upTo.offset - generation.readTo);
    if (piece === "truncated") return undefined;
    if (piece.step) keep(piece.step.lines);
    if (piece.isEnd) break;
  }
  const last = generation.flush(true);
  if (last) keep(last.lines);
  return generation.place.offset === upTo.offset && generation.place.mark === upTo.mark ? kept : undefined;
}

function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value)) + 1;
}

/** Where a file was left, and what may be missing after it. */
interface Left {
  readonly place: LogPlace;
  readonly why: Chapter["lost"];
}

/** A way through the files after a place, step by step. */
class Walk {
  readonly #log: FollowedLog;
  readonly #upTo: LogPlace;
  readonly #limitBytes: number;
  readonly #mostBytes: number;
  readonly #steps: LogStep[] = [];
  #bytes = 0;

  constructor(log: FollowedLog, upTo: LogPlace, limitBytes: number) {
    this.#log = log;
    this.#upTo = upTo;
    this.#limitBytes = limitBytes;
    this.#mostBytes = Math.max(1, Math.min(chunkBytes, Math.floor(limitBytes / worstGrowth)));
  }

  async read(since: LogPlace, { chapters, lost: why }: Lineage): Promise<LogReading> {
    const { current, maxLineBytes } = this.#log;
    const last = { file: current.file, stat: await current.file.stat(), generation: current.name, lost: undefined };
    const parts = [...chapters, { ...last, from: chapters.length === 0 && !why ? since.offset : 0 }];
    const isTorn = why !== undefined || isVague(this.#log.house.lives, since);
    let before: Left | undefined = isTorn ? { place: since, why: why ?? "truncated" } : undefined;
    for (const { generation: name, from, file, stat, lost: after } of parts) {
      const generation = await Generation.at({ name, file, stat, maxLineBytes }, from);
      if (!generation) return lost;
      if (before && !this.#add(this.#rotated(before.place, generation, before.why))) {
        return this.#answer(before.place, false);
      }
      const ended = await this.#readOne(generation, file === current.file);
      if (ended) return ended;
      before = { place: generation.place, why: after };
    }
    return lost;
  }

  /** Reads one file; undefined when the next one is to be read. */
  async #readOne(generation: Generation, isLast: boolean): Promise<LogReading | undefined> {
    const isEnd = isLast || generation.name === this.#upTo.generation;
    const target = generation.name === this.#upTo.generation ? this.#upTo : this.#log.current.place;
    const end = isEnd ? target.offset : Number.MAX_SAFE_INTEGER;
    while (generation.readTo < end) {
      const { place } = generation;
      const piece = await generation.read(Math.min(this.#mostBytes, end - generation.readTo));
      if (piece === "truncated") return lost;
      if (piece.step && !this.#add(piece.step)) return this.#answer(place, false);
      if (piece.isEnd) break;
    }
    const { place } = generation;
    const rest = generation.flush(true);
    if (rest && !this.#add(rest)) return this.#answer(place, false);
    if (!isEnd) return undefined;
    const isThere = generation.place.offset > target.offset || generation.place.mark === target.mark;
    return isThere ? this.#answer(generation.place, true) : lost;
  }

  /** False when the step is too much; the first never is. */
  #add(step: LogStep): boolean {
    const bytes = jsonBytes(step);
    if (this.#steps.length > 0 && this.#bytes + bytes > this.#limitBytes) return false;
    this.#steps.push(step);
    this.#bytes += bytes;
    return true;
  }

  #answer(place: LogPlace, whole: boolean): LogReading {
    return { steps: this.#steps, place, whole };
  }

  #rotated({ generation, offset: from }: LogPlace, next: Generation, why: Chapter["lost"]): LogStep {
    const rotated = why === "truncated" ? "truncated" : "renamed";
    const timestamp = new Date(this.#log.nowMs).toISOString();
    const step = { rotated, generation, from, next: next.place, timestamp } as const;
    return why ? { ...step, lost: { from, to: null, reason: why } } : step;
  }
}
