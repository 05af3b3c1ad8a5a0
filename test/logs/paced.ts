import type { FileStat, Files, OpenFile } from "../../src/logs/files.ts";
import type { Stop } from "../../src/protocol/clock.ts";
import type { World } from "./world.ts";

interface Call {
  start: (() => Promise<void>) | undefined;
  settle: () => void;
}

/**
 * The files of a world, where every call happens some time after it was made, and is known to have happened some time after
 * that: whenever `turn` says so.
 */
export class PacedFiles implements Files {
  /** The ids of all files that were ever opened. */
  readonly opened = new Set<string>();
  readonly #world: World;
  readonly #calls: Call[] = [];
  #openFiles = 0;

  constructor(world: World) {
    this.#world = world;
  }

  get openFiles(): number {
    return this.#openFiles;
  }

  get hasCalls(): boolean {
    return this.#calls.length > 0;
  }

  /** Lets one call that was made happen, or come back: the one that `choice` falls on. One turn at a time. */
  async turn(choice: number): Promise<void> {
    const at = choice % this.#calls.length;
    const call = this.#calls[at];
    if (!call) return;
    const { start } = call;
    call.start = undefined;
    if (start) return start();
    this.#calls.splice(at, 1);
    call.settle();
  }

  stat(path: string): Promise<FileStat | undefined> {
    return this.#call(() => this.#world.files.stat(path), `stat ${path}`);
  }

  async open(path: string, root: string): Promise<OpenFile | undefined> {
    const file = await this.#call(async () => {
      const opened = await this.#world.files.open(path, root);
      if (opened) {
        this.#openFiles += 1;
        this.opened.add((await opened.stat()).id);
      }
      return opened;
    }, `open ${path}`);
    return file && this.#paced(file, path);
  }

  list(directory: string): Promise<readonly string[]> {
    return this.#call(() => this.#world.files.list(directory), "list");
  }

  resolve(path: string): Promise<{ readonly path: string; readonly isLink: boolean } | undefined> {
    return this.#call(() => this.#world.files.resolve(path), `resolve ${path}`);
  }

  watch(): Stop | false {
    return false;
  }

  #paced(file: OpenFile, path: string): OpenFile {
    let isClosed = false;
    return {
      stat: () => this.#call(() => file.stat(), ""),
      read: (into, at) => this.#call(() => file.read(into, at), `read what was ${path} at ${at}`),
      close: () =>
        this.#call(async () => {
          if (!isClosed) this.#openFiles -= 1;
          isClosed = true;
          await file.close();
        }, ""),
    };
  }

  #call<Result>(work: () => Promise<Result>, name: string): Promise<Result> {
    return new Promise((resolve, reject) => {
      const call: Call = {
        start: async () => {
          try {
            const result = await work();
            if (name) this.#world.log.push(`  ${name} ${result ? "ok" : "none"}`);
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
}
