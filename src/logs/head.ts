import type { LogStep, LostBytes, RotationReason } from "../protocol/log.ts";
import type { FileStat } from "./files.ts";
import type { Generation } from "./generation.ts";
import type { Lives } from "./lives.ts";
import type { FollowParts } from "./rules.ts";

/** A look reads so much at most; the next one follows at once. */
const chunksPerLook = 16;

/** Where a log is read: the generation that gives its lines, and what was said of it. */
export class Head {
  generation: Generation | undefined;
  readonly #parts: FollowParts;
  readonly #lives: Lives;
  /** Whether the file could not be read to its end. */
  #isBroken = false;
  #grownTo = -1;
  #grownMs = 0;

  constructor(parts: FollowParts, lives: Lives) {
    this.#parts = parts;
    this.#lives = lives;
  }

  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Reads on, up to a MiB. `stat` is how the file looked just now, when that is known. */
  async read(stat?: FileStat): Promise<"end" | "more" | "truncated" | "broken"> {
    const { generation } = this;
    if (!generation) return "end";
    const seen = stat ?? (await generation.file.stat().catch(() => undefined));
    if (!seen) return this.#broken();
    if (!generation.isUnchanged(seen)) {
      const state = await this.#readChunks(generation);
      if (state !== "end") return state;
      generation.saw(seen);
    }
    await this.#flushIdle(generation);
    return "end";
  }

  /** Reads a file to its end that is not written to any more; false when it was truncated. */
  async readWhole(): Promise<boolean> {
    for (;;) {
      const piece = await this.generation?.read();
      if (!piece || piece === "truncated") return false;
      if (piece.step) await this.#emit(piece.step);
      if (piece.isEnd) return true;
    }
  }

  /** Ends the generation, its unfinished line and all, and goes on in another one; `why` something may be lost in between. */
  async goOn(next: Generation, rotated: RotationReason, why: LostBytes["reason"] | undefined): Promise<void> {
    const old = this.generation;
    if (!old) return;
    const last = old.flush(true);
    if (last) await this.#emit(last);
    this.#lives.leave(old.reach, this.#lives.isOver(old.name));
    if (why) this.#lives.tear(old.name, why);
    this.generation = next;
    this.#isBroken = false;
    const { offset: from } = old.place;
    const timestamp = new Date(this.#parts.clock.now()).toISOString();
    const step = { rotated, generation: old.name, from, next: next.place, timestamp };
    await this.#emit(why ? { ...step, lost: { from, to: null, reason: why } } : step);
  }

  /** Gives away lines of a file that was rotated away; the place stays where it is. */
  async takeLate(lines: readonly string[]): Promise<void> {
    if (!this.generation) return;
    const { generation, offset, mark } = this.generation.place;
    await this.#emit({ lines, generation, from: offset, to: offset, mark });
  }

  async #emit(step: LogStep): Promise<void> {
    await this.#parts.emit(step);
  }

  async #readChunks(generation: Generation): Promise<"end" | "more" | "truncated" | "broken"> {
    for (let chunks = 0; chunks < chunksPerLook; chunks += 1) {
      const piece = await generation.read().catch(() => undefined);
      if (!piece) return this.#broken();
      if (piece === "truncated") return piece;
      this.#isBroken = false;
      if (piece.step) await this.#emit(piece.step);
      if (piece.isEnd) return "end";
    }
    return "more";
  }

  #broken(): "broken" {
    this.#isBroken = true;
    return "broken";
  }

  async #flushIdle(generation: Generation): Promise<void> {
    const { clock, rules } = this.#parts;
    if (generation.readTo !== this.#grownTo) {
      this.#grownTo = generation.readTo;
      this.#grownMs = clock.now();
    } else if (generation.hasCarry && rules.flushPartialMs > 0 && clock.now() - this.#grownMs >= rules.flushPartialMs) {
      const step = generation.flush(false);
      if (step) await this.#emit(step);
    }
  }
}
