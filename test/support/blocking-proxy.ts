import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";

/**
 * What a proxy does not let through: `ws`, upgrades, which it answers with 403; `sse`, whose responses it keeps until they
 * end, as a proxy does that buffers; `poll`, answered with 502; `all`, connections that it cuts at once.
 */
export type Obstacle = "ws" | "sse" | "poll" | "all";

/** An HTTP proxy before a gateway, like those of companies. */
export interface BlockingProxy extends AsyncDisposable {
  readonly url: string;
  /** How many requests and upgrades there were below a path: `/ws`, `/sse`, `/poll`. */
  count(path: string): number;
  /** Lets everything but this through from now on, and cuts every connection. */
  block(...obstacles: Obstacle[]): void;
  /** Leads to another gateway from now on. */
  lead(target: string): void;
  /** Cuts every connection; new ones pass as before. */
  cut(): void;
}

/** Puts a proxy before a gateway. Nothing is blocked at first. */
export async function startBlockingProxy(target: string): Promise<BlockingProxy> {
  const sockets = new Set<Socket>();
  const asked: string[] = [];
  let blocked: ReadonlySet<Obstacle> = new Set();
  let far = new URL(target);
  const server = createServer((incoming, response) => {
    const path = incoming.url ?? "/";
    asked.push(path);
    if (blocked.has("poll") && path.startsWith("/poll")) response.writeHead(502).end();
    else forward(far, { incoming, response, isBuffered: blocked.has("sse") && path.startsWith("/sse") });
  });
  server.on("connection", (socket) => {
    if (blocked.has("all")) socket.destroy();
    sockets.add(socket.on("error", () => {}).on("close", () => sockets.delete(socket)));
  });
  server.on("upgrade", (incoming, socket, head) => {
    asked.push(incoming.url ?? "/");
    if (blocked.has("ws")) socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    else tunnel(far, incoming, { socket, head });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    count: (path) => asked.filter((one) => one.startsWith(path)).length,
    block(...obstacles) {
      blocked = new Set(obstacles);
      cut();
    },
    lead(other) {
      far = new URL(other);
    },
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      server.close();
    },
  };
}

interface Forwarded {
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  readonly isBuffered: boolean;
}

function forward({ hostname, port }: URL, { incoming, response, isBuffered }: Forwarded): void {
  const { method = "GET", url: path = "/", headers } = incoming;
  const asking = request({ hostname, port, method, path, headers, agent: false }, (answer) => {
    answer.on("error", () => response.destroy());
    if (isBuffered) {
      answer.resume();
      return;
    }
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    response.flushHeaders();
    answer.pipe(response);
  });
  asking.on("error", () => response.destroy());
  response.on("close", () => asking.destroy());
  incoming.pipe(asking);
}

interface Upgraded {
  readonly socket: Duplex;
  readonly head: Buffer;
}

function tunnel({ hostname, port }: URL, incoming: IncomingMessage, { socket, head }: Upgraded): void {
  const far = connect(Number(port), hostname, () => {
    const lines = [`GET ${incoming.url} HTTP/1.1`];
    for (let i = 0; i < incoming.rawHeaders.length; i += 2)
      lines.push(`${incoming.rawHeaders[i]}: ${incoming.rawHeaders[i + 1]}`);
    far.write(`${lines.join("\r\n")}\r\n\r\n`);
    far.write(head);
    socket.pipe(far).pipe(socket);
  });
  for (const [here, there] of [
    [socket, far],
    [far, socket],
  ] as const)
    here.on("error", () => there.destroy()).on("close", () => there.destroy());
}
