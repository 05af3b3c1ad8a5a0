import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock, Stop } from "../protocol/clock.ts";
import { refuseRaw } from "./refusal.ts";

/** A body that takes longer than a head may must bring this much in every second more, on the average. */
const leastBytesPerSecond = 16 * 1024;

/**
 * The requests whose bodies are still coming.
 *
 * A body may take as long as a head. One that takes longer goes on while it makes progress: a megabyte over a slow line
 * arrives, a byte a second does not keep a socket. Whoever is too slow is answered with 408 and cut.
 */
export class Bodies {
  readonly #clock: Clock;
  readonly #graceMs: number;
  readonly #coming = new Map<IncomingMessage, Coming>();
  readonly #stopSweep: Stop;

  constructor({ clock, graceMs, sweepMs }: { clock: Clock; graceMs: number; sweepMs: number }) {
    this.#clock = clock;
    this.#graceMs = graceMs;
    this.#stopSweep = clock.every(sweepMs, () => this.#sweep());
  }

  /** Looks after a request, when it has a body at all. */
  watch(incoming: IncomingMessage, response: ServerResponse): void {
    const { "content-length": length = "0", "transfer-encoding": encoding } = incoming.headers;
    if (length === "0" && encoding === undefined) return;
    const hadBytes = incoming.socket.bytesRead;
    this.#coming.set(incoming, { response, hadBytes, sinceMs: this.#clock.now() });
    incoming.once("close", () => this.#coming.delete(incoming));
  }

  close(): void {
    this.#stopSweep();
  }

  #sweep(): void {
    const now = this.#clock.now();
    for (const [incoming, coming] of this.#coming) {
      if (incoming.complete || incoming.socket.destroyed) this.#coming.delete(incoming);
      else if (this.#isTooSlow(incoming, coming, now))
        refuseRaw(incoming.socket, isUnanswered(coming) ? 408 : undefined);
    }
  }

  #isTooSlow({ socket }: IncomingMessage, { hadBytes, sinceMs }: Coming, now: number): boolean {
    const overdueMs = now - sinceMs - this.#graceMs;
    return overdueMs > 0 && socket.bytesRead - hadBytes < (overdueMs / 1000) * leastBytesPerSecond;
  }
}

interface Coming {
  readonly response: ServerResponse;
  /** What its socket had read before. */
  readonly hadBytes: number;
  readonly sinceMs: number;
}

/** Whether it is this request's turn to be answered, and nothing was said yet. */
function isUnanswered({ response }: Coming): boolean {
  return response.socket !== null && !response.headersSent;
}
