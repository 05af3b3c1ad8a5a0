import type { LostBytes } from "../protocol/log.ts";
import type { Reach } from "./generation.ts";
import { fileName, fileOf, newLife } from "./mark.ts";

interface Life {
  /** How far it was read, unfinished line and all. */
  reach: Reach | undefined;
  /** Whether the file was truncated since. */
  isOver: boolean;
  /** What may be missing after it. */
  lost: LostBytes["reason"] | undefined;
}

const mostLives = 64;

/** The generations of a log that were read lately, and how far. */
export class Lives {
  readonly #lives = new Map<string, Life>();

  /** The generation of a file now: the one it was known by, or a new one. */
  nameOf(id: string): string {
    const file = fileName(id);
    return this.current(file) ?? this.#begin(file);
  }

  /** The generation of a file that begins anew. */
  renew(ended: string): string {
    return this.#begin(fileOf(ended));
  }

  /** The generation of a file as far as is known, by the eleven characters that name it. */
  current(file: string): string | undefined {
    for (const [generation, { isOver }] of this.#lives) {
      if (!isOver && fileOf(generation) === file) return generation;
    }
    return undefined;
  }

  /** Remembers how far a generation was read, and whether its file was truncated then. */
  leave(reach: Reach, isOver: boolean): void {
    this.#remember(reach.generation, { reach, isOver, lost: undefined });
  }

  /** Remembers that something may be missing after a generation. */
  tear(generation: string, lost: LostBytes["reason"]): void {
    const life = this.#lives.get(generation);
    if (life) life.lost = lost;
  }

  /** What is known to be missing after a generation. */
  lostAfter(generation: string): LostBytes["reason"] | undefined {
    return this.#lives.get(generation)?.lost;
  }

  /** How far a generation was read that was left. */
  reachOf(generation: string): Reach | undefined {
    return this.#lives.get(generation)?.reach;
  }

  /** Whether a file was followed before, and left. */
  wasRead(file: string): boolean {
    const generation = this.current(file);
    return generation !== undefined && this.reachOf(generation) !== undefined;
  }

  /** Whether the file is known to have been truncated since. */
  isOver(generation: string): boolean {
    return this.#lives.get(generation)?.isOver ?? false;
  }

  has(generation: string): boolean {
    return this.#lives.has(generation);
  }

  /** How far the generations were read whose files were truncated, newest first. */
  get ended(): Reach[] {
    return [...this.#lives.values()].flatMap(({ reach, isOver }) => (reach && isOver ? [reach] : [])).reverse();
  }

  /** The generations that were followed to their end, in that order. */
  get left(): string[] {
    return [...this.#lives].flatMap(([generation, { reach }]) => (reach ? [generation] : []));
  }

  #begin(file: string): string {
    const generation = file + newLife();
    this.#remember(generation, { reach: undefined, isOver: false, lost: undefined });
    return generation;
  }

  #remember(generation: string, life: Life): void {
    this.#lives.delete(generation);
    this.#lives.set(generation, life);
    const [oldest] = this.#lives.keys();
    if (this.#lives.size > mostLives && oldest !== undefined) this.#lives.delete(oldest);
  }
}
