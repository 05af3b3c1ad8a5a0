import { join } from "node:path";
import type { Inode, World } from "./world.ts";

/** What can be done to a log; the small steps of a rotation come one by one, with other things in between. */
export type Deed =
  | { readonly do: "write"; readonly lines: number; readonly partial: boolean }
  | { readonly do: "rename"; readonly creates: boolean }
  | { readonly do: "copy" }
  | { readonly do: "truncate" }
  | { readonly do: "delete" }
  | { readonly do: "swap" }
  | { readonly do: "reopen" };

/** One life of a file: what was written to it, in bytes. */
export interface Life {
  readonly number: number;
  readonly inode: Inode;
  /** How it came to an end before it could be read any more. A torn line has a life of its own: half of it was truncated. */
  fate: "kept" | "truncated" | "deleted" | "torn";
}

/** Where a line was written. */
export interface Written {
  readonly life: Life;
  readonly end: number;
}

/** How a writer's files are called. */
export interface Habits {
  /** Rotated files have numbers, or dates. */
  readonly isDated: boolean;
  /** The log is a link. */
  readonly isLinked: boolean;
}

const keptFiles = 3;
/** How long every line is, its line feed counted. */
export const lineBytes = 8;

/** One process that writes numbered lines to a log, and what rotates it. */
export class Writer {
  /** By number of the line: 0, 1, 2 and so on. */
  readonly lines: Written[] = [];
  readonly path: string;
  readonly #world: World;
  readonly #habits: Habits;
  /** Where the log's files were made, in that order. */
  readonly #homeOf = new Map<Inode, string>();
  readonly #lives = new Map<Inode, Life>();
  readonly #todo: (() => void)[] = [];
  /** The rotated files that have a date, oldest first. */
  #dated: string[] = [];
  #dates = 0;
  #homes = 0;
  #lifeCount = 0;
  #home: string;
  #inode: Inode;
  #unfinished: string | undefined;
  #isTorn = false;

  constructor(world: World, habits: Habits) {
    this.#world = world;
    this.#habits = habits;
    this.path = join(world.folder, "app.log");
    this.#home = habits.isLinked ? this.#newHome() : this.path;
    this.#inode = this.#made();
    this.#inode.hold();
    if (habits.isLinked) world.link(this.path, this.#home);
  }

  get isBusy(): boolean {
    return this.#todo.length > 0;
  }

  /** The numbers of the lines that are in a file that has a name. */
  get onDisk(): Set<number> {
    const text = this.#world.contents.map((content) => content.toString()).join("\n");
    return new Set(this.lines.flatMap((_, number) => (text.includes(lineText(number)) ? [number] : [])));
  }

  /** A file of the log and those that had its name before. */
  before(inode: Inode): Inode[] {
    const all = [...this.#homeOf.keys()].filter((other) => this.#homeOf.get(other) === this.#homeOf.get(inode));
    return all.slice(0, all.indexOf(inode) + 1);
  }

  /** The next small step of a rotation. */
  step(): void {
    this.#todo.shift()?.();
  }

  take(deed: Deed): void {
    switch (deed.do) {
      case "write":
        return this.#write(deed.lines, deed.partial);
      case "rename":
        this.#shift();
        this.#later(() => this.#world.rename(this.#home, this.#rotatedPath()));
        if (deed.creates) this.#later(() => this.#world.at(this.#home) ?? this.#made());
        return;
      case "copy":
        this.#shift();
        return this.#copy();
      case "truncate":
        return this.#later(() => this.#truncate(this.#world.at(this.#home)));
      case "delete":
        return this.#later(() => this.#remove(this.#home));
      case "swap":
        return this.#later(() => this.#habits.isLinked && this.#swap());
      case "reopen":
        return this.reopen();
    }
  }

  /** Goes on in the file that has the log's name now. */
  reopen(): void {
    const inode = this.#world.at(this.#home) ?? this.#made();
    if (inode === this.#inode) return;
    this.#finishLine();
    inode.hold();
    const old = this.#inode;
    this.#inode = inode;
    old.release();
  }

  #write(count: number, isPartial: boolean): void {
    this.#finishLine();
    for (let i = 0; i < count; i += 1) {
      const text = this.#nextText();
      this.#append(`${text}\n`, true);
    }
    if (!isPartial) return;
    const text = this.#nextText();
    this.#append(text.slice(0, 3), false);
    this.#unfinished = `${text.slice(3)}\n`;
  }

  #nextText(): string {
    return lineText(this.lines.length);
  }

  #finishLine(): void {
    if (this.#unfinished === undefined) return;
    const rest = this.#unfinished;
    this.#unfinished = undefined;
    this.#append(rest, true);
  }

  #append(text: string, isWhole: boolean): void {
    this.#inode.append(text);
    if (!isWhole) return;
    // Half of the line may be gone with what was before a truncation.
    const life: Life = this.#isTorn
      ? { number: this.#lifeCount, inode: this.#inode, fate: "torn" }
      : this.#life(this.#inode);
    this.lines.push({ life, end: this.#inode.content.length });
    this.#isTorn = false;
  }

  #life(inode: Inode): Life {
    const known = this.#lives.get(inode);
    if (known) return known;
    const life: Life = { number: ++this.#lifeCount, inode, fate: inode.links > 0 ? "kept" : "deleted" };
    this.#lives.set(inode, life);
    return life;
  }

  #later(step: () => void): void {
    this.#todo.push(step);
  }

  /** Makes room for one more rotated file. */
  #shift(): void {
    if (this.#habits.isDated) {
      this.#later(() => {
        for (const path of this.#dated.splice(0, this.#dated.length - keptFiles + 1)) this.#remove(path);
      });
      return;
    }
    this.#later(() => this.#remove(`${this.#home}.${keptFiles}`));
    for (let n = keptFiles - 1; n >= 1; n -= 1) {
      this.#later(() => this.#world.rename(`${this.#home}.${n}`, `${this.#home}.${n + 1}`));
    }
  }

  #rotatedPath(): string {
    if (!this.#habits.isDated) return `${this.#home}.1`;
    this.#dates += 1;
    const path = `${this.#home}-20260101-${String(this.#dates).padStart(6, "0")}`;
    this.#dated.push(path);
    return path;
  }

  #copy(): void {
    let source: Inode | undefined;
    let copy: Inode | undefined;
    this.#later(() => {
      source = this.#world.at(this.#home);
      if (source) copy = this.#world.create(this.#rotatedPath());
      source?.hold();
      copy?.hold();
    });
    for (const part of [2, 1]) {
      this.#later(() => {
        if (!source || !copy) return;
        const rest = source.content.subarray(copy.content.length);
        copy.append(rest.subarray(0, Math.ceil(rest.length / part)).toString());
      });
    }
    this.#later(() => {
      copy?.release();
      this.#truncate(source);
      source?.release();
    });
  }

  #truncate(inode: Inode | undefined): void {
    if (!inode) return;
    inode.hold();
    inode.truncate();
    inode.release();
    const life = this.#lives.get(inode);
    if (life) life.fate = "truncated";
    this.#lives.delete(inode);
    if (inode === this.#inode && this.#unfinished !== undefined) this.#isTorn = true;
  }

  #remove(path: string): void {
    const inode = this.#world.at(path);
    const life = inode && this.#lives.get(inode);
    if (life) life.fate = "deleted";
    this.#world.delete(path);
  }

  /** Has the link lead to a file that is new. */
  #swap(): void {
    this.#home = this.#newHome();
    this.#dated = [];
    this.#made();
    this.#world.link(this.path, this.#home);
  }

  /** A new file of the log. */
  #made(): Inode {
    const inode = this.#world.create(this.#home);
    this.#homeOf.set(inode, this.#home);
    return inode;
  }

  #newHome(): string {
    this.#homes += 1;
    return join(this.#world.folder, `data${this.#homes}.log`);
  }
}

function lineText(number: number): string {
  return `${String(number).padStart(6, "0")};`;
}
