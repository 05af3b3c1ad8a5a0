import type { Stop } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import type { LostBytes, RotationReason } from "../protocol/log.ts";
import { closeAll, type House, type Lineage, Unsettled } from "./chapters.ts";
import { closeFile, type FileStat, type OpenFile } from "./files.ts";
import { Generation, type GenerationParts, isDeleted } from "./generation.ts";
import { Head } from "./head.ts";
import { LateFiles } from "./late.ts";
import { lineageOf, missedBetween } from "./lineage.ts";
import { Lives } from "./lives.ts";
import type { FollowParts } from "./rules.ts";
import { findLineStart } from "./scan.ts";
import { openTarget, type Target } from "./target.ts";

/** A file that the path leads to, before the log has gone on in it. It is open, so it cannot get lost. */
interface Next extends Target {
  readonly id: string;
  readonly birthNs: bigint;
  readonly sinceMs: number;
}

type Why = LostBytes["reason"] | undefined;

const mostMissed = 8;
const mostMissedBytes = 64 * 1024 * 1024;
const mostTries = 5;
const forever = BigInt(Number.MAX_SAFE_INTEGER) ** 2n;
/** How long a file that is gone is expected back any moment. */
const absentMs = 2_000;

/**
 * The way of a log from file to file.
 *
 * The old file is read until the new one has its first byte. A writer that goes from one to the other has then written its
 * last byte to the old one, so reading that to its end once more gets everything, in order.
 *
 * One call at a time.
 */
export class Trail {
  readonly lives = new Lives();
  readonly #head: Head;
  readonly late = new LateFiles();
  readonly #parts: FollowParts;
  #home: string;
  #next: Next | undefined;
  #stopWatch: Stop | undefined;
  #onChange: () => void;
  #absentSinceMs: number | undefined;
  #tries = 0;
  #hasMore = false;
  #isRestless = false;

  constructor(parts: FollowParts, onChange: () => void) {
    this.#parts = parts;
    this.#home = parts.path;
    this.#head = new Head(parts, this.lives);
    this.#onChange = onChange;
  }

  get current(): Generation | undefined {
    return this.#head.generation;
  }

  get house(): House {
    const { files, root } = this.#parts;
    return { files, root, home: this.#home, lives: this.lives };
  }

  get hasMore(): boolean {
    return this.#hasMore;
  }

  get isRestless(): boolean {
    return this.#isRestless || this.#hasMore;
  }

  /** Opens the file if it is there. Throws `forbidden` when it lies outside of the root. */
  async begin(): Promise<void> {
    const { from } = this.#parts;
    try {
      await this.#appear(from);
    } catch (trouble) {
      if (trouble instanceof Failure) throw trouble;
    }
  }

  /** Looks at the path and the files that are open, and reads what is new. */
  async look(): Promise<void> {
    const { files, path, clock } = this.#parts;
    this.#hasMore = false;
    this.#isRestless = false;
    const stat = await files.stat(path).catch(() => undefined);
    const { current } = this;
    if (!current) return stat && this.#appear("start");
    await this.late.read(clock.now(), (lines) => this.#head.takeLate(lines));
    if (stat?.id === current.id && !this.#next) {
      this.#absentSinceMs = undefined;
      await this.#drain(stat);
    } else if (await this.#drain()) {
      await this.#turn(current, stat);
    }
  }

  async close(): Promise<void> {
    this.#stopWatch?.();
    await this.late.close();
    await closeFile(this.#next?.file);
    await closeFile(this.current?.file);
  }

  /** There was no file before: the log begins, without a word. */
  async #appear(from: "start" | "end"): Promise<void> {
    const { files, path, root } = this.#parts;
    const target = await openTarget(files, path, root);
    if (!target) return;
    const { file, stat, home } = target;
    this.#home = home;
    const parts = this.#generationParts(file, stat);
    const offset = from === "start" ? 0 : await findLineStart(file, stat.size, 1, this.#parts.rules.maxLineBytes);
    this.#head.generation = (await Generation.at(parts, offset ?? stat.size)) ?? Generation.fromStart(parts);
    this.#hasMore = true;
    this.#watch();
  }

  /** The path leads elsewhere, or nowhere. */
  async #turn(current: Generation, stat: FileStat | undefined): Promise<void> {
    const { clock, rules } = this.#parts;
    this.#next ??= stat && (await this.#pin(current));
    const next = this.#next;
    if (!next) {
      this.#absentSinceMs ??= clock.now();
      this.#isRestless = clock.now() - this.#absentSinceMs < absentMs;
      return;
    }
    const { size } = await next.file.stat();
    if (size === 0 && stat?.id === current.id) return this.#unpin(next);
    const isDue = stat?.id !== next.id || clock.now() - next.sinceMs >= rules.switchAfterMs;
    if (size === 0 && !isDue) this.#isRestless = true;
    else await this.#goOn(current, next);
  }

  /** Opens what the path leads to; undefined when that is nothing that may be read, or the current file after all. */
  async #pin(current: Generation): Promise<Next | undefined> {
    const { files, path, root, clock } = this.#parts;
    const target = await openTarget(files, path, root).catch(() => undefined);
    if (!target) return undefined;
    const { id, birthNs } = target.stat;
    if (id !== current.id) return { ...target, id, birthNs, sinceMs: clock.now() };
    await target.file.close();
    this.#isRestless = true;
    return undefined;
  }

  async #unpin(next: Next): Promise<void> {
    this.#next = undefined;
    this.#hasMore = true;
    await next.file.close();
  }

  /** The new file has a byte, or has waited long enough: the old one is read to its end, then those in between. */
  async #goOn(old: Generation, next: Next): Promise<void> {
    if (!(await this.#drain())) return;
    const isGone = next.home !== this.#home || (await isDeleted(old.file));
    const missed = await this.#missed(old, next);
    if (!missed) return;
    const reason = isGone ? "replaced" : "renamed";
    let why = this.#head.isBroken ? "deleted" : missed.lost;
    for (const { generation, file, stat, lost } of missed.chapters) {
      const { maxLineBytes } = this.#parts.rules;
      await this.#advance(Generation.fromStart({ name: generation, file, stat, maxLineBytes }), reason, why);
      why = (await this.#head.readWhole()) ? lost : "truncated";
    }
    const generation = await this.#generationOf(next);
    await this.#advance(generation, reason, why);
    this.#home = next.home;
    this.#next = undefined;
    this.#absentSinceMs = undefined;
    this.#hasMore = true;
    this.#watch();
  }

  /** The generations between two files, if there are any and they are not too many; undefined: look again. */
  async #missed(old: Generation, next: Next): Promise<Lineage | undefined> {
    // Where a link led before, all that came after the old file is older than the new one.
    const until = next.home === this.#home ? next : { ...next, birthNs: forever };
    try {
      const missed = await missedBetween(this.house, old, until);
      this.#tries = 0;
      const bytes = missed.chapters.reduce((sum, { stat }) => sum + stat.size, 0);
      if (missed.chapters.length <= mostMissed && bytes <= mostMissedBytes) return missed;
      await closeAll(missed.chapters);
    } catch (trouble) {
      this.#tries += 1;
      this.#hasMore = trouble instanceof Unsettled && this.#tries < mostTries;
      if (this.#hasMore) return undefined;
    }
    return { chapters: [], lost: "deleted" };
  }

  /** Goes on in a generation; the file before it is read on for late writers. */
  async #advance(generation: Generation, reason: RotationReason, why: Why): Promise<void> {
    const old = this.current;
    const { clock, rules } = this.#parts;
    await this.#head.goOn(generation, reason, why);
    if (old) await this.late.add(old, clock.now() + rules.lateMs, (lines) => this.#head.takeLate(lines));
  }

  /** A file the log goes on in, from its start; where it was left when it was read before. */
  async #generationOf({ file, id }: Next): Promise<Generation> {
    const late = this.late.take(id);
    if (late) {
      await file.close();
      return late;
    }
    const parts = this.#generationParts(file, await file.stat());
    const reach = this.lives.reachOf(parts.name);
    if (!reach) return Generation.fromStart(parts);
    const left = await Generation.at(parts, reach.offset, reach.mark);
    if (left) return left;
    this.lives.leave(reach, true);
    return Generation.fromStart({ ...parts, name: this.lives.renew(parts.name) });
  }

  /** The current file was truncated: what was not read of it may be in a copy. */
  async #rewind(old: Generation): Promise<void> {
    const { file } = old;
    const parts = this.#generationParts(file, await file.stat());
    this.#hasMore = true;
    if (old.place.offset === 0 && !old.hasCarry) {
      // Nothing was given away of it, so it is as if nothing had been.
      this.#head.generation = Generation.fromStart(parts);
      return;
    }
    this.lives.leave(old.reach, true);
    const { chapters, lost } = await this.#rescued(old);
    const copy = lost ? undefined : chapters[0];
    if (copy && (await old.moveTo(copy.file))) await this.#head.readWhole();
    for (const chapter of chapters.slice(copy ? 1 : 0)) {
      const whole = { ...parts, name: chapter.generation, file: chapter.file, stat: chapter.stat };
      await this.#head.goOn(Generation.fromStart(whole), "truncated", "truncated");
      await this.#head.readWhole();
    }
    const anew = Generation.fromStart({ ...parts, name: this.lives.renew(old.name) });
    await this.#head.goOn(anew, "truncated", "truncated");
    await closeAll(chapters);
  }

  /** Reads the current file to its end. False when it did not get there, or that file is current no more. */
  async #drain(stat?: FileStat): Promise<boolean> {
    const { generation } = this.#head;
    const state = await this.#head.read(stat);
    if (state === "truncated" && generation) await this.#rewind(generation);
    if (state === "broken" && generation) await this.#mend(generation);
    this.#hasMore ||= state === "more" || state === "truncated";
    return state === "end" || state === "broken";
  }

  async #rescued(old: Generation): Promise<Lineage> {
    const none: Lineage = { chapters: [], lost: "truncated" };
    for (let tries = 0; tries < mostTries; tries += 1) {
      try {
        return (await lineageOf(this.house, old.reach, old)) ?? none;
      } catch (trouble) {
        if (!(trouble instanceof Unsettled)) break;
      }
    }
    return none;
  }

  /** The current file cannot be read: it is opened again, if that is still the same one. */
  async #mend(current: Generation): Promise<void> {
    const { files, path, root } = this.#parts;
    this.#isRestless = true;
    const { file } = current;
    const opened = await files.open(path, root).catch(() => undefined);
    const stat = await opened?.stat().catch(() => undefined);
    const isMended = opened && stat?.id === current.id && (await current.moveTo(opened).catch(() => false));
    await closeFile(isMended ? file : opened);
  }

  #generationParts(file: OpenFile, stat: FileStat): GenerationParts {
    const { maxLineBytes } = this.#parts.rules;
    return { name: this.lives.nameOf(stat.id), file, stat, maxLineBytes };
  }

  /** A watch follows the file, not its name. The old one ends first: on some runtimes it would take the new one along. */
  #watch(): void {
    this.#stopWatch?.();
    this.#stopWatch = this.#parts.files.watch(this.#parts.path, this.#onChange) || undefined;
  }
}
