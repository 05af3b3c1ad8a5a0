import { basename, dirname } from "node:path";
import type { FileStat, Files, OpenFile } from "../../src/logs/files.ts";
import type { Inode, World } from "./world.ts";

/** How finely the simulated file system tells the time. */
const grainNs = 4_000_000n;

/** A file system in memory. */
export class SimulatedWorld implements World {
  readonly folder = "/logs";
  readonly log: string[] = [];
  readonly files: Files = {
    stat: async (path) => this.#find(path)?.stat,
    open: async (path) => this.#find(path)?.open(),
    list: async (directory) => {
      const paths = [...this.#names.keys(), ...this.#links.keys()];
      return paths.filter((path) => dirname(path) === directory).map((path) => basename(path));
    },
    resolve: async (path) => {
      const target = this.#links.get(path);
      return this.#find(path) && { path: target ?? path, isLink: target !== undefined };
    },
    watch: () => false,
  };
  readonly #names = new Map<string, SimulatedInode>();
  readonly #links = new Map<string, string>();
  /** Files that are gone. Their numbers are used again as file systems do. */
  readonly #gone: SimulatedInode[] = [];
  #numbers = 0;
  #nowNs = 0n;

  get contents(): Buffer[] {
    return [...this.#names.values()].map(({ content }) => content);
  }

  /** In nanoseconds, as the file system tells it. */
  get timeNs(): bigint {
    return (this.#nowNs / grainNs) * grainNs;
  }

  pass(ms: number): void {
    this.#nowNs += BigInt(ms) * 1_000_000n;
  }

  at(path: string): Inode | undefined {
    return this.#names.get(path);
  }

  create(path: string): Inode {
    const at = this.#gone.findLastIndex(({ birthNs }) => birthNs !== this.timeNs);
    const [gone] = at < 0 ? [] : this.#gone.splice(at, 1);
    const inode = new SimulatedInode(gone?.number ?? ++this.#numbers, this);
    this.#name(path, inode);
    this.log.push(`create ${path} #${inode.number} ${inode.birthNs}`);
    return inode;
  }

  rename(from: string, to: string): void {
    const inode = this.#names.get(from);
    if (!inode) return;
    this.log.push(`rename ${from} ${to} #${inode.number}`);
    this.#names.delete(from);
    inode.links -= 1;
    this.#name(to, inode);
  }

  delete(path: string): void {
    const inode = this.#names.get(path);
    if (!inode) return;
    this.log.push(`delete ${path} #${inode.number}`);
    this.#names.delete(path);
    inode.links -= 1;
    this.forget(inode);
  }

  link(path: string, target: string): void {
    this.log.push(`link ${path} ${target}`);
    this.#links.set(path, target);
  }

  /** Has the number of a file used again when nobody has the file any more. */
  forget(inode: SimulatedInode): void {
    if (inode.links === 0 && !inode.isHeld) this.#gone.push(inode);
  }

  #find(path: string): SimulatedInode | undefined {
    return this.#names.get(this.#links.get(path) ?? path);
  }

  #name(path: string, inode: SimulatedInode): void {
    this.delete(path);
    this.#names.set(path, inode);
    inode.links += 1;
  }
}

class SimulatedInode implements Inode {
  readonly number: number;
  readonly birthNs: bigint;
  content = Buffer.alloc(0);
  links = 0;
  readonly #world: SimulatedWorld;
  #changedNs: bigint;
  #holders = 0;

  constructor(number: number, world: SimulatedWorld) {
    this.number = number;
    this.#world = world;
    this.birthNs = world.timeNs;
    this.#changedNs = world.timeNs;
  }

  get id(): string {
    return `1-${this.number}-${this.birthNs}`;
  }

  get stat(): FileStat {
    const { id, birthNs, links } = this;
    return { id, size: this.content.length, birthNs, changedNs: this.#changedNs, links };
  }

  get isHeld(): boolean {
    return this.#holders > 0;
  }

  append(text: string): void {
    this.#world.log.push(`append #${this.number} ${JSON.stringify(text)}`);
    this.content = Buffer.concat([this.content, Buffer.from(text)]);
    this.#changedNs = this.#world.timeNs;
  }

  truncate(): void {
    this.#world.log.push(`truncate #${this.number}`);
    this.content = Buffer.alloc(0);
    this.#changedNs = this.#world.timeNs;
  }

  hold(): void {
    this.#holders += 1;
  }

  release(): void {
    this.#holders -= 1;
    this.#world.forget(this);
  }

  open(): OpenFile {
    let isClosed = false;
    const checked = async <Result>(work: () => Result): Promise<Result> => {
      if (isClosed) throw new Error("The file is closed");
      return work();
    };
    this.hold();
    return {
      stat: () => checked(() => this.stat),
      read: (into, at) => checked(() => this.content.copy(into, 0, Math.min(at, this.content.length))),
      close: async () => {
        if (!isClosed) this.release();
        isClosed = true;
      },
    };
  }
}
