import type { Readable, Writable } from "node:stream";

/** How long a pipe is quiet before what a command has left running is not waited for any longer. */
const quietMs = 200;

/** Takes bytes from a pipe to where they were meant to go, as they are, as fast as they are taken there. */
export class Passage {
  readonly #from: Readable;
  readonly #to: Writable;
  #isEnded = false;
  #lastAtMs = 0;

  constructor({ from, to, tap }: Ends) {
    this.#from = from;
    this.#to = to;
    from.on("data", (chunk: Buffer) => {
      this.#lastAtMs = performance.now();
      if (!to.write(chunk)) {
        from.pause();
        to.once("drain", () => from.resume());
      }
      tap(chunk);
    });
    // Whoever reads may stop, like `head`: then the command finds its own pipe closed, as it would without us.
    to.on("error", () => from.destroy());
    from.on("error", () => {});
    from.once("close", () => {
      this.#isEnded = true;
    });
  }

  /**
   * Settles when all that has come is on, once the command has ended.
   *
   * A program that it has left running may keep the pipe open for ever; what that says later is nobody's.
   */
  async drained(): Promise<void> {
    this.#lastAtMs = performance.now();
    while (!this.#isEnded) {
      const isBusy = this.#from.isPaused() || performance.now() - this.#lastAtMs < quietMs;
      if (!isBusy) break;
      await Promise.race([closed(this.#from), pause(quietMs / 4)]);
    }
    this.#from.destroy();
    if (!this.#to.destroyed) await new Promise<void>((resolve) => this.#to.write("", () => resolve()));
  }
}

interface Ends {
  readonly from: Readable;
  readonly to: Writable;
  /** Looks at each chunk after it has left. */
  readonly tap: (chunk: Uint8Array) => void;
}

function closed(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    stream.once("close", () => resolve());
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
