import * as fs from "node:fs";
import { join } from "node:path";
import { diskFiles } from "../../src/logs/disk.ts";
import type { Inode, World } from "./world.ts";

/** A folder of the real file system. */
export class RealWorld implements World, Disposable {
  readonly folder: string;
  readonly files = diskFiles;
  readonly log: string[] = [];
  /** Where files are put out of the way. */
  readonly #attic: string;
  readonly #inodes = new Map<string, RealInode>();
  #count = 0;

  constructor(parent: string) {
    const base = fs.realpathSync(fs.mkdtempSync(join(parent, "skein-world-")));
    this.folder = join(base, "logs");
    this.#attic = join(base, "attic");
    for (const folder of [this.folder, this.#attic]) fs.mkdirSync(folder);
  }

  get contents(): Buffer[] {
    const entries = fs.readdirSync(this.folder, { withFileTypes: true }).filter((entry) => entry.isFile());
    return entries.map(({ name }) => fs.readFileSync(join(this.folder, name)));
  }

  at(path: string): Inode | undefined {
    const inode = this.#inodes.get(idAt(path) ?? "");
    if (inode) inode.path = path;
    return inode;
  }

  create(path: string): Inode {
    fs.rmSync(path, { force: true });
    for (;;) {
      fs.closeSync(fs.openSync(path, "wx"));
      const id = idAt(path) ?? "";
      this.log.push(`create ${path} #${id}`);
      if (!this.#inodes.has(id)) {
        const inode = new RealInode(id, path, this.log);
        this.#inodes.set(id, inode);
        return inode;
      }
      // The number was used again within a tick of the file system's clock; now it is not free any more.
      fs.renameSync(path, join(this.#attic, `${++this.#count}`));
    }
  }

  rename(from: string, to: string): void {
    if (!fs.existsSync(from)) return;
    this.log.push(`rename ${from} ${to} #${idAt(from)}`);
    fs.renameSync(from, to);
  }

  delete(path: string): void {
    this.log.push(`delete ${path} #${idAt(path)}`);
    fs.rmSync(path, { force: true });
  }

  link(path: string, target: string): void {
    this.log.push(`link ${path} ${target}`);
    const fresh = join(this.#attic, "link");
    fs.symlinkSync(target, fresh);
    fs.renameSync(fresh, path);
  }

  /** The time of the real file system passes by itself. */
  pass(): void {}

  [Symbol.dispose](): void {
    for (const inode of this.#inodes.values()) inode.close();
    fs.rmSync(join(this.folder, ".."), { recursive: true });
  }
}

class RealInode implements Inode {
  readonly id: string;
  /** The name by which it was come upon last. */
  path: string;
  readonly #log: string[];
  #number = -1;
  #holders = 0;

  constructor(id: string, path: string, log: string[]) {
    this.id = id;
    this.path = path;
    this.#log = log;
  }

  get content(): Buffer {
    const bytes = Buffer.alloc(fs.fstatSync(this.#number).size);
    fs.readSync(this.#number, bytes, 0, bytes.length, 0);
    return bytes;
  }

  get links(): number {
    return fs.fstatSync(this.#number).nlink;
  }

  append(text: string): void {
    this.#log.push(`append #${this.id} ${JSON.stringify(text)}`);
    fs.writeSync(this.#number, text);
  }

  truncate(): void {
    this.#log.push(`truncate #${this.id}`);
    fs.ftruncateSync(this.#number);
  }

  hold(): void {
    if (this.#holders === 0) this.#number = fs.openSync(this.path, fs.constants.O_RDWR | fs.constants.O_APPEND);
    this.#holders += 1;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders === 0) fs.closeSync(this.#number);
  }

  close(): void {
    if (this.#holders > 0) fs.closeSync(this.#number);
    this.#holders = 0;
  }
}

/** What names a file for its whole life, as `diskFiles` tells it. */
function idAt(path: string): string | undefined {
  const stat = fs.lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stat?.isFile() ? `${stat.dev}-${stat.ino}-${stat.birthtimeMs}` : undefined;
}
