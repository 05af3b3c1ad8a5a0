import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { inBackground, isolated } from "../protocol/background.ts";

/** What is sent. */
export interface Posting {
  readonly method: "POST" | "DELETE";
  readonly path: string;
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/** What came back. */
export interface Answered {
  readonly status: number;
  /** As `Retry-After` has it. */
  readonly retryAfter: string | undefined;
  readonly text: string;
}

const silenceMs = 10_000;

/** Connections to one gateway, which are kept and keep no process alive. `fetch` would take three times the CPU. */
export class HttpWire {
  readonly #base: URL;
  readonly #agent: HttpAgent | HttpsAgent;

  /** `base` ends with a slash. */
  constructor(base: string, mostConnections: number) {
    this.#base = new URL(base);
    const options = { keepAlive: true, maxSockets: mostConnections };
    this.#agent = this.#base.protocol === "https:" ? new HttpsAgent(options) : new HttpAgent(options);
  }

  /** Throws what the connection throws: refused, cut, or silent for 10 s. */
  async send(posting: Posting): Promise<Answered> {
    const trial = { isReused: false };
    try {
      return await this.#send(posting, trial);
    } catch (thrown) {
      // The gateway may hang up on an idle connection in the moment when it is used; the id makes once more harmless.
      if (!trial.isReused) throw thrown;
      return await this.#send(posting, trial);
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #send({ method, path, body, headers }: Posting, trial: { isReused: boolean }): Promise<Answered> {
    const { promise, resolve, reject } = Promise.withResolvers<Answered>();
    const request: ClientRequest = (this.#base.protocol === "https:" ? httpsRequest : httpRequest)(
      new URL(path, this.#base),
      {
        method,
        agent: this.#agent,
        timeout: silenceMs,
        headers: { ...headers, "content-length": body.length },
      },
      (response) => inBackground("reading an answer", read(response).then(resolve, reject), console.error),
    );
    request.on("timeout", () => request.destroy(new Error("No answer came in time")));
    const fail = (thrown: unknown) => {
      trial.isReused = request.reusedSocket;
      reject(thrown);
    };
    request.on("error", isolated("a request that failed", fail, console.error));
    request.end(body);
    return promise;
  }
}

async function read(response: IncomingMessage): Promise<Answered> {
  response.setEncoding("utf8");
  let text = "";
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode ?? 0, retryAfter: response.headers["retry-after"], text };
}
