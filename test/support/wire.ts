import { connect, type Socket } from "node:net";

/** A bare connection: what is sent is what was written down, and what comes is kept as it came. */
export class Wire implements Disposable {
  /** Settles when it has ended, however it ended. */
  readonly closed: Promise<void>;
  readonly socket: Socket;
  readonly #chunks: Buffer[] = [];
  readonly #listeners = new Set<() => void>();
  #isClosed = false;

  /** Connects to a port of this machine, from any of its addresses, say 127.0.0.2. */
  constructor(port: number, localAddress = "127.0.0.1") {
    this.socket = connect({ port, host: "127.0.0.1", localAddress, noDelay: true });
    this.socket.on("data", (bytes: Buffer) => {
      this.#chunks.push(bytes);
      this.#wake();
    });
    // However it goes wrong, it ends.
    this.socket.on("error", () => {});
    this.closed = new Promise((resolve) => {
      this.socket.on("close", () => {
        this.#isClosed = true;
        this.#wake();
        resolve();
      });
    });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get text(): string {
    return this.bytes.toString("latin1");
  }

  /** What has come since it was taken last. */
  take(): string {
    const { text } = this;
    this.#chunks.length = 0;
    return text;
  }

  /** Sends, and settles when the system has taken it or the connection is over. */
  send(data: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => this.socket.write(data, () => resolve()));
  }

  /** Settles when `isEnough` says so of what has come, or nothing more can come. */
  async until(isEnough: (wire: this) => boolean): Promise<this> {
    while (!this.#isClosed && !isEnough(this)) {
      await new Promise<void>((resolve) => this.#listeners.add(resolve));
      this.#listeners.clear();
    }
    return this;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  #wake(): void {
    for (const listener of this.#listeners) listener();
  }
}
