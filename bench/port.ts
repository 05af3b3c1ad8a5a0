import { once } from "node:events";
import { type AddressInfo, createConnection, createServer } from "node:net";
import type { Program } from "./children.ts";
import { sleep } from "./clock.ts";

const startWithinMs = 20_000;
const tryEveryMs = 50;

/** A port of the loopback interface that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Resolves once `ready` says so; rejects with the program's own words when it ends first or takes too long. */
export async function whenReady(program: Program, ready: () => Promise<boolean>): Promise<void> {
  const until = Date.now() + startWithinMs;
  while (!(await ready())) {
    if (program.ended) throw new Error(program.ended);
    if (Date.now() > until)
      throw new Error(`Server with pid ${program.pid} is not ready after ${startWithinMs / 1000} s`);
    await sleep(tryEveryMs);
  }
}

/** Whether something accepts connections on `port`. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1");
    const settle = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.once("connect", () => settle(true)).once("error", () => settle(false));
  });
}
