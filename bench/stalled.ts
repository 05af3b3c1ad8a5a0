import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import type { Dialect } from "./subscriber.ts";
import { requestOf } from "./subscriber.ts";

/** Connects clients that ask for the stream and then never read again, for as long as they are kept. */
export async function openStalled(dialect: Dialect, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  for (let i = 0; i < count; i++) {
    const socket = createConnection({ host: "127.0.0.1", port: dialect.port });
    // A server may well give such a client up; that is its right, and not an end of the run.
    socket.on("error", () => {});
    await once(socket, "connect");
    socket.write(requestOf(dialect));
    await once(socket, "data");
    socket.pause();
    sockets.push(socket);
  }
  return sockets;
}
