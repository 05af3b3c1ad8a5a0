import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";

/**
 * What proxies do to what they do not understand: `pass` it on, `refuse` it, or `hold` it back until it is over, which for
 * a stream is never.
 */
export type Treatment = "pass" | "refuse" | "hold";

/** What passes through a proxy. */
export type Traffic = "ws" | "sse" | "poll" | "rest";

/** A proxy before a gateway that does not let everything through. */
export interface BlockingProxy extends AsyncDisposable {
  /** Where it is found, path prefix included. */
  readonly url: string;
  /** What has been asked for so far, each as `ws /ws?…`. */
  readonly asked: readonly string[];
  /** Treats requests like that from now on, and cuts what is under way and would be treated otherwise. */
  treat(treatments: Partial<Readonly<Record<Traffic, Treatment>>>): void;
  /** Passes on to another gateway from now on. */
  turnTo(target: string): void;
}

/** Starts a proxy before a gateway; with a prefix such as `/tools/skein`, which it takes off. */
export async function startBlockingProxy(target: string, prefix = ""): Promise<BlockingProxy> {
  const door = new Door(target, prefix);
  const server = createServer((incoming, response) => door.pass(incoming, response));
  server.on("upgrade", (incoming, socket, head) => door.upgrade(incoming, socket, head));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${prefix}`,
    asked: door.asked,
    treat: (treatments) => door.treat(treatments),
    turnTo: (other) => door.turnTo(other),
    async [Symbol.asyncDispose]() {
      door.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

class Door {
  readonly asked: string[] = [];
  #target: string;
  readonly #prefix: string;
  readonly #treatments: Record<Traffic, Treatment> = { ws: "pass", sse: "pass", poll: "pass", rest: "pass" };
  readonly #underWay = new Map<Duplex | ServerResponse, Traffic>();

  constructor(target: string, prefix: string) {
    this.#target = target;
    this.#prefix = prefix;
  }

  treat(treatments: Partial<Readonly<Record<Traffic, Treatment>>>): void {
    const before = { ...this.#treatments };
    Object.assign(this.#treatments, treatments);
    for (const [thing, kind] of this.#underWay) if (before[kind] !== this.#treatments[kind]) thing.destroy();
  }

  turnTo(target: string): void {
    this.#target = target;
  }

  close(): void {
    for (const thing of this.#underWay.keys()) thing.destroy();
  }

  pass(incoming: IncomingMessage, response: ServerResponse): void {
    const path = this.#pathOf(incoming);
    const kind = kindOf(path);
    this.asked.push(`${kind} ${path}`);
    this.#keep(response, kind);
    if (path === undefined) return void response.writeHead(404).end();
    if (this.#treatments[kind] === "refuse") return void response.writeHead(502).end("The proxy does not do this");
    if (this.#treatments[kind] === "hold") return;
    const { method, headers } = incoming;
    const outgoing = request(new URL(path, this.#target), { method, headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers).flushHeaders();
      answer.pipe(response);
      answer.on("error", () => response.destroy());
    });
    outgoing.on("error", () => (response.headersSent ? response.destroy() : response.writeHead(502).end()));
    response.on("close", () => outgoing.destroy());
    incoming.pipe(outgoing);
  }

  upgrade(incoming: IncomingMessage, near: Duplex, head: Buffer): void {
    const path = this.#pathOf(incoming);
    this.asked.push(`ws ${path}`);
    this.#keep(near, "ws");
    near.on("error", () => near.destroy());
    const treatment = path === undefined ? "refuse" : this.#treatments.ws;
    if (treatment === "refuse") return void near.end("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
    if (treatment === "hold") return;
    const far: Socket = connect(Number(new URL(this.#target).port), "127.0.0.1", () => {
      far.write(`GET ${path} HTTP/1.1\r\n${headerLines(incoming)}\r\n\r\n`);
      far.write(head);
      far.pipe(near).pipe(far);
    });
    far.on("error", () => near.destroy());
    far.on("close", () => near.destroy());
    near.on("close", () => far.destroy());
  }

  #keep(thing: Duplex | ServerResponse, kind: Traffic): void {
    this.#underWay.set(thing, kind);
    thing.on("close", () => this.#underWay.delete(thing));
  }

  #pathOf({ url = "/" }: IncomingMessage): string | undefined {
    if (!url.startsWith(`${this.#prefix}/`)) return undefined;
    return url.slice(this.#prefix.length);
  }
}

function kindOf(path: string | undefined): Traffic {
  const [, word] = /^\/(sse|poll)(?:[/?]|$)/.exec(path ?? "") ?? [];
  return word === "sse" || word === "poll" ? word : "rest";
}

function headerLines({ rawHeaders }: IncomingMessage): string {
  const lines: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
  return lines.join("\r\n");
}
