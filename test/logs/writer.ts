import type { Inode, SimulatedFiles } from "./simulated.ts";

/** What can be done to a log; the small steps of a rotation come one by one, with other things in between. */
export type Deed =
  | { readonly do: "write"; readonly lines: number; readonly partial: boolean }
  | { readonly do: "rename"; readonly creates: boolean }
  | { readonly do: "copy" }
  | { readonly do: "truncate" }
  | { readonly do: "delete" }
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

const keptFiles = 3;
/** How long every line is, its line feed counted. */
export const lineBytes = 8;
export const logPath = "/logs/app.log";

/** One process that writes numbered lines to a log, and what rotates it. */
export class Writer {
  /** By number of the line: 0, 1, 2 and so on. */
  readonly lines: Written[] = [];
  readonly #files: SimulatedFiles;
  readonly #lives = new Map<Inode, Life>();
  readonly #todo: (() => void)[] = [];
  #lifeCount = 0;
  #inode: Inode;
  #unfinished: string | undefined;
  #isTorn = false;

  constructor(files: SimulatedFiles) {
    this.#files = files;
    this.#inode = files.create(logPath);
    files.hold(this.#inode);
  }

  get isBusy(): boolean {
    return this.#todo.length > 0;
  }

  /** Whether a line is still in a file that has a name. */
  isOnDisk(number: number): boolean {
    const text = Buffer.from(lineText(number));
    return this.#files.contents.some((content) => content.includes(text));
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
        this.#later(() => this.#files.rename(logPath, `${logPath}.1`));
        if (deed.creates) this.#later(() => this.#files.at(logPath) ?? this.#files.create(logPath));
        return;
      case "copy":
        this.#shift();
        return this.#copy();
      case "truncate":
        return this.#later(() => this.#truncate());
      case "delete":
        return this.#later(() => this.#remove(logPath));
      case "reopen":
        return this.reopen();
    }
  }

  /** Goes on in the file that has the log's name now. */
  reopen(): void {
    const inode = this.#files.at(logPath) ?? this.#files.create(logPath);
    if (inode === this.#inode) return;
    this.#finishLine();
    this.#files.hold(inode);
    const old = this.#inode;
    this.#inode = inode;
    this.#files.release(old);
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
    this.#files.append(this.#inode, text);
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

  #shift(): void {
    this.#later(() => this.#remove(`${logPath}.${keptFiles}`));
    for (let n = keptFiles - 1; n >= 1; n -= 1) {
      this.#later(() => this.#files.rename(`${logPath}.${n}`, `${logPath}.${n + 1}`));
    }
  }

  #copy(): void {
    let source: Inode | undefined;
    let copy: Inode | undefined;
    this.#later(() => {
      source = this.#files.at(logPath);
      if (source) copy = this.#files.create(`${logPath}.1`);
    });
    for (const part of [2, 1]) {
      this.#later(() => {
        if (!source || !copy) return;
        const rest = source.content.subarray(copy.content.length);
        this.#files.append(copy, rest.subarray(0, Math.ceil(rest.length / part)).toString());
      });
    }
    this.#later(() => source && this.#truncate(source));
  }

  #truncate(inode = this.#files.at(logPath)): void {
    if (!inode) return;
    this.#files.truncate(inode);
    const life = this.#lives.get(inode);
    if (life) life.fate = "truncated";
    this.#lives.delete(inode);
    if (inode === this.#inode && this.#unfinished !== undefined) this.#isTorn = true;
  }

  #remove(path: string): void {
    const inode = this.#files.at(path);
    const life = inode && this.#lives.get(inode);
    if (life) life.fate = "deleted";
    this.#files.delete(path);
  }
}

function lineText(number: number): string {
  return `${String(number).padStart(6, "0")};`;
}
