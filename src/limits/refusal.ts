import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";

/** Ends a socket at once: with a bare HTTP answer, or without a word when no status is given. */
export function refuseRaw(socket: Socket, status: 408 | 429 | undefined): void {
  if (status === undefined) {
    socket.destroy();
    return;
  }
  const retry = status === 429 ? ["Retry-After: 1"] : [];
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, "Connection: close", "Content-Length: 0", ...retry];
  // What so small a write hands over is with the system before anything that the client sent is read.
  socket.write(`${head.join("\r\n")}\r\n\r\n`, () => socket.destroy());
}
