import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

/** The headers of a Node request as the Fetch standard has them. */
export function headersOf(incoming: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined) headers.append(name, one);
  }
  return headers;
}

/**
 * Bytes handed to a socket that the network has not taken yet.
 *
 * Node's handle knows of every byte, so a client that reads slowly can be told from one that does not read; a runtime
 * without that handle counts whole writes.
 */
export function untakenBytes(socket: Duplex | null | undefined): number {
  const handle = (socket as { _handle?: { writeQueueSize?: number } } | null | undefined)?._handle;
  return handle?.writeQueueSize ?? socket?.writableLength ?? 0;
}

/** Bytes ever handed to a socket; when it has not grown, nothing was sent. */
export function sentBytes(socket: Duplex | null | undefined): number {
  return (socket as { bytesWritten?: number } | null | undefined)?.bytesWritten ?? 0;
}
