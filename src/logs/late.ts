import { closeFile } from "./files.ts";
import type { Generation } from "./generation.ts";

/** What late lines are given to. */
export type TakeLate = (lines: readonly string[]) => Promise<void> | void;

interface Late {
  readonly generation: Generation;
  readonly untilMs: number;
}

const mostLate = 8;

/** Files that were rotated away, and are read on for writers that still have them open. */
export class LateFiles {
  #all: Late[] = [];

  get isEmpty(): boolean {
    return this.#all.length === 0;
  }

  /** Keeps a file until a time; when there are too many, the oldest is closed after a last look. */
  async add(generation: Generation, untilMs: number, take: TakeLate): Promise<void> {
    this.#all.push({ generation, untilMs });
    const [oldest] = this.#all;
    if (this.#all.length > mostLate && oldest) await this.#end(oldest, take);
  }

  /** The file of that id, which is late no more: the log has come back to it. */
  take(id: string): Generation | undefined {
    const found = this.#all.find(({ generation }) => generation.id === id)?.generation;
    this.#all = this.#all.filter(({ generation }) => generation !== found);
    return found;
  }

  /** The open file of a generation. */
  find(name: string): Generation | undefined {
    return this.#all.find(({ generation }) => generation.name === name)?.generation;
  }

  /** Reads what came, and closes those whose time is over. */
  async read(nowMs: number, take: TakeLate): Promise<void> {
    for (const late of [...this.#all]) {
      if (late.untilMs <= nowMs) await this.#end(late, take);
      else if (!(await drain(late.generation, take))) await this.#close(late);
    }
  }

  async close(): Promise<void> {
    for (const late of [...this.#all]) await this.#close(late);
  }

  async #end(late: Late, take: TakeLate): Promise<void> {
    await drain(late.generation, take);
    const last = late.generation.flush(true);
    if (last) await take(last.lines);
    await this.#close(late);
  }

  async #close(late: Late): Promise<void> {
    this.#all = this.#all.filter((other) => other !== late);
    await closeFile(late.generation.file);
  }
}

/** False when the file cannot be read any more, or was truncated: nothing that comes in it belongs to the log. */
async function drain(generation: Generation, take: TakeLate): Promise<boolean> {
  try {
    const stat = await generation.file.stat();
    if (generation.isUnchanged(stat)) return true;
    for (;;) {
      const piece = await generation.read();
      if (piece === "truncated") return false;
      if (piece.step) await take(piece.step.lines);
      if (piece.isEnd) break;
    }
    generation.saw(stat);
    return true;
  } catch {
    return false;
  }
}
