import { type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { WebSocket } from "ws";

const patienceMs = 22_000;

/** What is asked of a gateway, whatever for. */
export interface Question {
  readonly url: string;
  /** With its query. */
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** For WebSocket only. */
  readonly protocols?: readonly string[];
}

/** Something asked, and every byte that came: status, headers, body or frames, and the words of the end. */
export class Asked implements Disposable {
  /** The status of the answer; 101 for an open WebSocket, 0 when there was no answer. */
  status = 0;
  /** The close code of a WebSocket. */
  close: number | undefined;
  bytes = "";
  isEnded = false;
  readonly #listeners = new Set<() => void>();
  #hangUp: () => void = () => {};

  /** The code of a refusal. */
  get code(): string | undefined {
    return /"type":"error","code":"(\w+)"/.exec(this.bytes)?.[1];
  }

  /** The body of an answer, without its head. */
  get body(): string {
    return this.bytes.slice(this.bytes.indexOf("\n\n") + 2);
  }

  /**
   * Settles when `isEnough` says so, or nothing more will come.
   *
   * Also when it takes too long: then what the test looks at afterwards says what is missing.
   */
  async until(isEnough: (asked: this) => boolean): Promise<this> {
    let isLate = false;
    const late = setTimeout(() => {
      isLate = true;
      this.#wake();
    }, patienceMs);
    while (!this.isEnded && !isLate && !isEnough(this)) {
      await new Promise<void>((resolve) => this.#listeners.add(resolve));
      this.#listeners.clear();
    }
    clearTimeout(late);
    return this;
  }

  /** Settles when everything has come. */
  whole(): Promise<this> {
    return this.until(() => false);
  }

  [Symbol.dispose](): void {
    this.#hangUp();
  }

  /** Asks over HTTP. */
  static http(question: Question): Asked {
    const asked = new Asked();
    const { url, path, method = "GET", headers = {}, body } = question;
    const sent = request(`${url}${path}`, { method, headers: { ...headers, ...lengthOf(body) } }, (response) => {
      asked.#takeHead(response);
      response.setEncoding("utf8").on("data", (text: string) => asked.#take(text));
      response.on("close", () => asked.#end());
    });
    sent.on("error", () => asked.#end());
    asked.#hangUp = () => sent.destroy();
    sent.end(body);
    return asked;
  }

  /** Sends what was written down, as it is; its status stays 0. */
  static raw(url: string, text: string): Asked {
    const asked = new Asked();
    const socket = connect({ port: Number(new URL(url).port), host: "127.0.0.1" });
    asked.#hangUp = () => socket.destroy();
    // However it goes wrong, it ends.
    socket.on("error", () => {});
    socket.setEncoding("utf8").on("data", (chunk: string) => asked.#take(chunk));
    socket.on("close", () => asked.#end());
    socket.write(text);
    return asked;
  }

  /** Asks for a WebSocket. */
  static ws({ url, path, headers = {}, protocols = [] }: Question): Asked {
    const asked = new Asked();
    const socket = new WebSocket(`${url.replace("http", "ws")}${path}`, [...protocols], { headers: { ...headers } });
    asked.#hangUp = () => socket.terminate();
    socket.on("error", () => {});
    socket.on("upgrade", (response) => asked.#takeHead(response));
    socket.on("unexpected-response", (sent, response: IncomingMessage) => {
      asked.#takeHead(response);
      response.setEncoding("utf8").on("data", (text: string) => asked.#take(text));
      response.on("close", () => {
        asked.#end();
        sent.destroy();
      });
    });
    socket.on("message", (data) => asked.#take(`${data}\n`));
    socket.on("close", (code, reason) => {
      asked.close = code;
      asked.#take(String(reason));
      asked.#end();
    });
    return asked;
  }

  #takeHead({ statusCode = 0, statusMessage, rawHeaders }: IncomingMessage): void {
    this.status = statusCode;
    this.#take(`${statusCode} ${statusMessage}\n${rawHeaders.join("\n")}\n\n`);
  }

  #take(text: string): void {
    this.bytes += text;
    this.#wake();
  }

  #end(): void {
    this.isEnded = true;
    this.#wake();
  }

  #wake(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** Without it the body of a method that has none most often would be taken for another request. */
function lengthOf(body: string | undefined): Readonly<Record<string, string>> {
  return body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
}
