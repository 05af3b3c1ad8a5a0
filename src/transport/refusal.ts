import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { subprotocolOf } from "../auth/credential.ts";
import type { Failure } from "../protocol/failure.ts";
import type { Request } from "./guest.ts";

/**
 * A refusal that is said on the open WebSocket, because a page sees no HTTP status; throws what is said before that.
 *
 * A page cannot set headers, so a token it gave itself came as subprotocol. What came in a header, a cookie or the query
 * is refused with its status (and so is every flood of programs that are no browsers).
 */
export function sayable(failure: Failure, { headers }: Request): Failure {
  const isPage = headers.has("origin");
  const isToldLater: Readonly<Record<number, boolean>> = {
    401: subprotocolOf(headers) !== undefined || (failure.code === "token_required" && isPage),
    403: false,
    429: subprotocolOf(headers) !== undefined || isPage,
  };
  if (isToldLater[failure.status] ?? true) return failure;
  throw failure;
}

/** Answers an upgrade request that will not become a WebSocket. */
export function refuse(socket: Duplex, { status, frame, retryAfterSeconds: wait }: Failure): void {
  const { bytes } = frame;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "Content-Type: application/json; charset=utf-8",
    `Content-Length: ${bytes.length}`,
    ...(status === 401 ? ["WWW-Authenticate: Bearer"] : []),
    ...(wait === undefined ? [] : [`Retry-After: ${wait}`]),
    "Connection: close",
  ];
  // Nobody reads what else the client sends, so nobody would notice that it has gone.
  socket.once("finish", () => socket.destroy());
  socket.end(Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), bytes]));
}

/** An open WebSocket that will be none. */
interface Unwanted {
  on(event: "error", listener: () => void): unknown;
  send(text: string): void;
  close(code: number, reason: string): void;
}

/** Says on an open WebSocket why it will be none, and closes it. */
export function turnAway(ws: Unwanted, failure: Failure, report: (fault: unknown) => void): void {
  if (failure.cause !== undefined) report(failure.cause);
  ws.on("error", () => {});
  ws.send(failure.frame.json);
  ws.close(failure.closeCode, failure.code);
}
