import type { Socket } from "node:net";
import type { Clock, Stop } from "../protocol/clock.ts";

/** Cuts sockets whose other end has taken no byte for too long of what it was sent. */
export class Unread {
  readonly #parts: UnreadParts;
  /** Where each socket stood that has something to send, and since when. */
  readonly #standing = new Map<Socket, { readonly place: string; readonly sinceMs: number }>();
  readonly #stopSweep: Stop;

  constructor(parts: UnreadParts) {
    this.#parts = parts;
    this.#stopSweep = parts.clock.every(parts.afterMs / 8, () => this.#sweep());
  }

  close(): void {
    this.#stopSweep();
  }

  #sweep(): void {
    const { clock, afterMs, sockets } = this.#parts;
    const now = clock.now();
    for (const socket of this.#standing.keys()) if (!sockets.has(socket)) this.#standing.delete(socket);
    for (const socket of sockets) {
      const standing = this.#standing.get(socket);
      const place = this.#place(socket);
      if (place === undefined) this.#standing.delete(socket);
      else if (standing?.place !== place) this.#standing.set(socket, { place, sinceMs: now });
      else if (now - standing.sinceMs >= afterMs) socket.destroy();
    }
  }

  /** How far the other end has read, in whole writes and within the one under way; undefined when nothing waits. */
  #place(socket: Socket): string | undefined {
    const { bytesWritten, writableLength } = socket;
    if (writableLength === 0) return undefined;
    return `${bytesWritten - writableLength} ${this.#parts.untakenBytes(socket)}`;
  }
}

interface UnreadParts {
  readonly clock: Clock;
  readonly afterMs: number;
  readonly sockets: ReadonlySet<Socket>;
  /** Bytes handed to a socket that the network has not taken yet. */
  readonly untakenBytes: (socket: Socket) => number;
}
