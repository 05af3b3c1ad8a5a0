import { basename, dirname } from "node:path";
import type { FileStat, Files, OpenFile } from "../../src/logs/files.ts";
import type { Stop } from "../../src/protocol/clock.ts";

/** A file without its names. */
export class Inode {
  readonly number: number;
  readonly birthNs: bigint;
  content = Buffer.alloc(0);
  changedNs: bigint;
  links = 0;
  /** Whether a follower ever had it open. */
  wasOpened = false;

  constructor(number: number, nowNs: bigint) {
    this.number = number;
    this.birthNs = nowNs;
    this.changedNs = nowNs;
  }

  get stat(): FileStat {
    const { number, birthNs, changedNs, links } = this;
    return { id: `1-${number}-${birthNs}`, size: this.content.length, birthNs, changedNs, links };
  }
}

interface Call {
  run: (() => void) | undefined;
  settle: () => void;
}

/** How finely the simulated file system tells the time. */
const grainNs = 4_000_000n;

/**
 * A file system in memory whose every call happens some time after it was made, and is known to have happened some time
 * after that: whenever `turn` says so. What a writer does in between happens at once.
 */
export class SimulatedFiles implements Files {
  readonly log: string[] = [];
  readonly #names = new Map<string, Inode>();
  /** Files that are gone. Their numbers are used again as file systems do, but not with the same time of birth. */
  readonly #gone: Inode[] = [];
  readonly #calls: Call[] = [];
  readonly #open = new Map<Inode, number>();
  #numbers = 0;
  #nowNs = 0n;

  get openFiles(): number {
    return [...this.#open.values()].reduce((sum, count) => sum + count, 0);
  }

  get hasCalls(): boolean {
    return this.#calls.length > 0;
  }

  get contents(): Buffer[] {
    return [...this.#names.values()].map(({ content }) => content);
  }

  /** Lets one call that was made happen, or come back: the one that `choice` falls on. */
  turn(choice: number): void {
    const at = choice % this.#calls.length;
    const call = this.#calls[at];
    if (!call) return;
    if (call.run) {
      call.run();
      call.run = undefined;
      return;
    }
    this.#calls.splice(at, 1);
    call.settle();
  }

  pass(ns: bigint): void {
    this.#nowNs += ns;
  }

  at(path: string): Inode | undefined {
    return this.#names.get(path);
  }

  create(path: string): Inode {
    const at = this.#gone.findLastIndex(({ birthNs }) => birthNs !== this.#time());
    const [gone] = at < 0 ? [] : this.#gone.splice(at, 1);
    const inode = new Inode(gone?.number ?? ++this.#numbers, this.#time());
    this.#link(path, inode);
    this.log.push(`create ${path} #${inode.number} ${inode.birthNs}`);
    return inode;
  }

  rename(from: string, to: string): void {
    const inode = this.#names.get(from);
    if (!inode) return;
    this.log.push(`rename ${from} ${to} #${inode.number}`);
    this.#names.delete(from);
    inode.links -= 1;
    this.#link(to, inode);
  }

  delete(path: string): void {
    const inode = this.#names.get(path);
    if (!inode) return;
    this.log.push(`delete ${path} #${inode.number}`);
    this.#names.delete(path);
    inode.links -= 1;
    this.#forget(inode);
  }

  append(inode: Inode, text: string): void {
    this.log.push(`append #${inode.number} ${JSON.stringify(text)}`);
    inode.content = Buffer.concat([inode.content, Buffer.from(text)]);
    inode.changedNs = this.#time();
  }

  truncate(inode: Inode): void {
    this.log.push(`truncate #${inode.number}`);
    inode.content = Buffer.alloc(0);
    inode.changedNs = this.#time();
  }

  /** Keeps a file, as a writer does that has it open. */
  hold(inode: Inode): void {
    this.#open.set(inode, (this.#open.get(inode) ?? 0) + 1);
  }

  release(inode: Inode): void {
    const count = (this.#open.get(inode) ?? 0) - 1;
    if (count > 0) this.#open.set(inode, count);
    else this.#open.delete(inode);
    this.#forget(inode);
  }

  stat(path: string): Promise<FileStat | undefined> {
    return this.#call(() => this.#names.get(path)?.stat, `stat ${path}`);
  }

  async open(path: string): Promise<OpenFile | undefined> {
    const inode = await this.#call(() => {
      const found = this.#names.get(path);
      if (found) {
        this.hold(found);
        found.wasOpened = true;
      }
      return found;
    }, `open ${path}`);
    return inode && this.#opened(inode);
  }

  list(directory: string): Promise<readonly string[]> {
    return this.#call(() =>
      [...this.#names.keys()].filter((path) => dirname(path) === directory).map((p) => basename(p)),
    );
  }

  resolve(path: string): Promise<{ readonly path: string; readonly isLink: boolean } | undefined> {
    return this.#call(() => (this.#names.has(path) ? { path, isLink: false } : undefined));
  }

  watch(): Stop | false {
    return false;
  }

  #opened(inode: Inode): OpenFile {
    let isClosed = false;
    const checked = <Result>(work: () => Result, name?: string) =>
      this.#call(() => {
        if (isClosed) throw new Error("The file is closed");
        return work();
      }, name);
    return {
      stat: () => checked(() => inode.stat),
      read: (into, at) =>
        checked(
          () => inode.content.copy(into, 0, Math.min(at, inode.content.length)),
          `read #${inode.number} at ${at}`,
        ),
      close: () =>
        this.#call(() => {
          if (!isClosed) this.release(inode);
          isClosed = true;
        }),
    };
  }

  #call<Result>(work: () => Result, name = ""): Promise<Result> {
    return new Promise((resolve, reject) => {
      const call: Call = {
        run: () => {
          try {
            const result = work();
            if (name) this.log.push(`  ${name} ${result ? "ok" : "none"}`);
            call.settle = () => resolve(result);
          } catch (trouble) {
            call.settle = () => reject(trouble);
          }
        },
        settle: () => {},
      };
      this.#calls.push(call);
    });
  }

  #link(path: string, inode: Inode): void {
    this.delete(path);
    this.#names.set(path, inode);
    inode.links += 1;
  }

  #forget(inode: Inode): void {
    if (inode.links === 0 && !this.#open.has(inode)) this.#gone.push(inode);
  }

  #time(): bigint {
    return (this.#nowNs / grainNs) * grainNs;
  }
}
