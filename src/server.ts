import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { Skein } from "./skein.ts";

/** How long connections may take to say goodbye once they were ended. */
const graceMs = 1000;

/** A gateway that listens. */
export interface Listening {
  /** `http://127.0.0.1:8000` */
  readonly url: string;
  /** Accepts no more, ends every connection within `drainMs` and lets go of the port. */
  close(drainMs: number): Promise<void>;
}

/** Serves a gateway on a port; port 0 takes any that is free. Throws what the system says, for example EADDRINUSE. */
export async function listen(skein: Skein, { host, port }: { host: string; port: number }): Promise<Listening> {
  // The listener must leave the global Response alone: event streams are written past it.
  const server = createServer(getRequestListener(skein.app.fetch, { overrideGlobalObjects: false }));
  server.on("upgrade", skein.upgrade);
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, backlog: 4096 }, resolve);
  });
  const { address, family, port: actual } = server.address() as AddressInfo;
  return {
    url: `http://${family === "IPv6" ? `[${address}]` : address}:${actual}`,
    async close(drainMs) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await skein.close(drainMs);
      server.closeIdleConnections();
      // Whoever has not said good-bye by now is not going to: a client that reads nothing never does.
      const timer = setTimeout(() => sockets.forEach((socket) => void socket.destroy()), graceMs);
      await closed;
      clearTimeout(timer);
    },
  };
}
