import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A wire that can be cut: what comes in is passed on to a gateway, until it is not. */
export interface Wire extends AsyncDisposable {
  readonly url: string;
  /** How many connections there have been. */
  readonly count: number;
  /** Cuts every connection; new ones pass again. */
  cut(): void;
}

/** Lays a wire to a gateway. */
export async function layWire(target: string): Promise<Wire> {
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer((near) => {
    count += 1;
    const far = connect(Number(new URL(target).port), "127.0.0.1");
    for (const [here, there] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(here);
      here.on("error", () => there.destroy());
      here.on("close", () => {
        sockets.delete(here);
        there.destroy();
      });
      here.pipe(there);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get count() {
      return count;
    },
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      server.close();
    },
  };
}
