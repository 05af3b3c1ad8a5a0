import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** How a log is written. */
export interface Writing {
  readonly path: string;
  /** Lines per second. */
  readonly perSecond: number;
  /** Length of a line with its line feed. */
  readonly bytes: number;
  /** When the path is opened anew: at SIGHUP, when it leads to another file, or never. */
  readonly reopen: "signal" | "path" | "never";
  /** How many lines still go to the old file when it is. */
  readonly lateLines: number;
  /** Whether now and then a line is written in two pieces. */
  readonly areCut: boolean;
}

/** How far the writer is. */
export interface Told {
  /** The number of the newest line. */
  readonly number: number;
  /** How often the path has been opened, and the number of the first line since. */
  readonly openings: number;
  readonly firstNumber: number;
  /** Whether it has written all that it should. */
  readonly isDone: boolean;
}

/** Longest time that nothing is heard from a writer. */
const deadAfterMs = 20_000;

/** A process that writes numbered lines to a log, as a server would: it appends. */
export class LogWriter implements AsyncDisposable {
  told: Told = { number: 0, openings: 0, firstNumber: 1, isDone: false };
  readonly #child: ChildProcess;
  readonly #listeners = new Set<() => void>();
  #isEnded = false;

  private constructor(writing: Writing) {
    const module = fileURLToPath(new URL("./log-writer.process.ts", import.meta.url));
    this.#child = fork(module, [JSON.stringify(writing)], { execArgv: [] });
    this.#child.on("message", (told: Told) => {
      this.told = told;
      this.#wake();
    });
    this.#child.on("exit", () => {
      this.#isEnded = true;
      this.#wake();
    });
  }

  /** Starts one and waits until it writes. */
  static async start(writing: Partial<Writing> & Pick<Writing, "path">): Promise<LogWriter> {
    const plain = { perSecond: 5000, bytes: 60, reopen: "signal", lateLines: 20, areCut: true } as const;
    const writer = new LogWriter({ ...plain, ...writing });
    await writer.until(({ openings }) => openings > 0);
    return writer;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Settles as soon as what it tells is as wanted. */
  async until(isEnough: (told: Told) => boolean): Promise<void> {
    while (!isEnough(this.told)) {
      if (this.#isEnded) throw new Error(`The writer ended after ${this.told.number} lines`);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const late = setTimeout(() => reject(new Error("The writer says nothing")), deadAfterMs);
      this.#listeners.add(resolve);
      await promise.finally(() => clearTimeout(late));
      this.#listeners.clear();
    }
  }

  /** Settles when it has written `count` lines more. */
  writes(count: number): Promise<void> {
    const until = this.told.number + count;
    return this.until(({ number }) => number >= until);
  }

  /** Tells it that its file has been moved, and waits until it has opened the new one. */
  async hangUp(): Promise<void> {
    const before = this.told.openings;
    this.#child.kill("SIGHUP");
    await this.reopens(before);
  }

  /** Settles when it has opened its path once more than `before` times. */
  reopens(before: number): Promise<void> {
    return this.until(({ openings }) => openings > before);
  }

  /** Lets it write `more` lines and end; gives the number of the last one. */
  async finish(more: number): Promise<number> {
    this.#child.send(more);
    await this.until(({ isDone }) => isDone);
    this.#child.disconnect();
    return this.told.number;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isEnded) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }

  #wake(): void {
    for (const listener of this.#listeners) listener();
  }
}
