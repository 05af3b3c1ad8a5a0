import { createServer, type Server, type ServerResponse } from "node:http";

/** An identity provider that publishes keys over HTTP, on loopback. */
export class JwksServer implements AsyncDisposable {
  /** What it answers with: keys, or any other answer. */
  keys: readonly unknown[] = [];
  answer: ((response: ServerResponse) => void) | undefined;
  /** How often it was asked. */
  asked = 0;
  readonly #server: Server;
  readonly #waiting: [count: number, resolve: () => void][] = [];
  #port = 0;

  constructor() {
    this.#server = createServer((_, response) => {
      this.asked += 1;
      for (const [count, resolve] of this.#waiting) if (this.asked >= count) resolve();
      if (this.answer) return this.answer(response);
      response.end(JSON.stringify({ keys: this.keys }));
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/.well-known/jwks.json`;
  }

  /** Starts, again on the port it had before. */
  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, "127.0.0.1", resolve));
    const address = this.#server.address();
    if (typeof address === "object" && address) this.#port = address.port;
    return this;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** Settles when it was asked so often. */
  async wasAsked(count: number): Promise<void> {
    if (this.asked < count) await new Promise<void>((resolve) => this.#waiting.push([count, resolve]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.stop();
  }
}
