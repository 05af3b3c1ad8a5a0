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

/** Publishes with pipelined POSTs over one kept-alive connection, so that the order of frames is the order of requests. */
export async function httpPublisher(port: number, path: string): Promise<Publisher> {
  const socket = createConnection({ host: "127.0.0.1", port, noDelay: true });
  await once(socket, "connect");
  const answers = new Answers();
  socket.setEncoding("latin1");
  socket.on("data", (text: string) => answers.read(text));
  socket.on("error", (error) => answers.fail(error));
  socket.on("close", () => answers.fail(new Error("The server closed the publishing connection")));
  const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nContent-Length: `;
  return {
    send: (body) => {
      answers.expected++;
      socket.write(`${head}${Buffer.byteLength(body)}\r\n\r\n${body}`);
    },
    drained: () => answers.all(),
    close: async () => {
      socket.destroy();
    },
  };
}

/** Counts the answers to pipelined requests. */
class Answers {
  expected = 0;
  #arrived = 0;
  #rest = "";
  #waiting: PromiseWithResolvers<void> | undefined;
  #failure: Error | undefined;

  read(text: string): void {
    const seen = this.#rest + text;
    let from = 0;
    for (const { 0: line, 1: status = "", index } of seen.matchAll(/HTTP\/1\.1 (\d{3})/g)) {
      if (!status.startsWith("2")) this.fail(new Error(`Publishing was answered with ${seen.slice(index)}`));
      this.#arrived++;
      from = index + line.length;
    }
    this.#rest = seen.slice(Math.max(from, seen.length - "HTTP/1.1 20".length));
    if (this.#arrived >= this.expected) this.#waiting?.resolve();
  }

  fail(error: Error): void {
    this.#failure ??= error;
    this.#waiting?.reject(this.#failure);
  }

  all(): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#arrived >= this.expected) return Promise.resolve();
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }
}
