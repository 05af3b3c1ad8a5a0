import { once } from "node:events";
import { createConnection } from "node:net";

/** Hands frames to whatever the server under test listens to. */
export interface Publisher {
  /** Sends one frame on its way, without waiting. */
  send(body: string): void;
  /** Resolves when everything sent so far has been accepted. */
  drained(): Promise<void>;
  close(): Promise<void>;
}

/** Where to post frames. */
export interface Post {
  readonly port: number;
  readonly path: string;
  /** Requests that may wait for their answer at once. */
  readonly inFlight: number;
}

/** Publishes with POSTs over one kept-alive connection; pipelined where the server promises to take them in order. */
export async function httpPublisher({ port, path, inFlight }: Post): Promise<Publisher> {
  const socket = createConnection({ host: "127.0.0.1", port, noDelay: true });
  await once(socket, "connect");
  const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nContent-Length: `;
  const line = new PostLine((body) => socket.write(`${head}${Buffer.byteLength(body)}\r\n\r\n${body}`), inFlight);
  socket.setEncoding("latin1");
  socket.on("data", (text: string) => line.read(text));
  socket.on("error", (error) => line.fail(error));
  socket.on("close", () => line.fail(new Error("The server closed the publishing connection")));
  return {
    send: (body) => line.send(body),
    drained: () => line.drained(),
    close: async () => {
      socket.destroy();
    },
  };
}

/** Requests on one connection, and the answers that come back in the same order. */
class PostLine {
  readonly #write: (body: string) => void;
  readonly #inFlight: number;
  readonly #queue: string[] = [];
  #unanswered = 0;
  #rest = "";
  #waiting: PromiseWithResolvers<void> | undefined;
  #failure: Error | undefined;

  constructor(write: (body: string) => void, inFlight: number) {
    this.#write = write;
    this.#inFlight = inFlight;
  }

  send(body: string): void {
    this.#queue.push(body);
    this.#pump();
  }

  drained(): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#unanswered === 0) return Promise.resolve();
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  read(text: string): void {
    const seen = this.#rest + text;
    let from = 0;
    for (const { 0: line, 1: status = "", index } of seen.matchAll(/HTTP\/1\.1 (\d{3})/g)) {
      if (!status.startsWith("2")) this.fail(new Error(`Publishing was answered with ${seen.slice(index)}`));
      this.#unanswered--;
      from = index + line.length;
    }
    this.#rest = seen.slice(Math.max(from, seen.length - "HTTP/1.1 20".length));
    this.#pump();
    if (this.#unanswered === 0) this.#waiting?.resolve();
  }

  fail(error: Error): void {
    this.#failure ??= error;
    this.#waiting?.reject(this.#failure);
  }

  #pump(): void {
    while (this.#unanswered < this.#inFlight) {
      const body = this.#queue.shift();
      if (body === undefined) return;
      this.#unanswered++;
      this.#write(body);
    }
  }
}
