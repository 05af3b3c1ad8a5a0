/**
 * Buffers that many readers share: a reader has one only while it reads.
 *
 * When all are taken, the next reader waits until one comes back.
 */
export class Buffers {
  readonly #size: number;
  readonly #free: Buffer[] = [];
  readonly #waiting: ((buffer: Buffer) => void)[] = [];
  #unmade: number;

  /** `size` in bytes of each of at most `count` buffers. */
  constructor(size: number, count: number) {
    this.#size = size;
    this.#unmade = count;
  }

  /** A buffer with anything in it; whoever takes it gives it back. */
  take(): Buffer | Promise<Buffer> {
    const free = this.#free.pop();
    if (free) return free;
    if (this.#unmade === 0) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#unmade -= 1;
    return Buffer.allocUnsafeSlow(this.#size);
  }

  give(buffer: Buffer): void {
    const next = this.#waiting.shift();
    if (next) next(buffer);
    else this.#free.push(buffer);
  }
}
