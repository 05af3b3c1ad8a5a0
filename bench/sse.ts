import type { Inbox, Reader, Span } from "./reader.ts";

const cr = 13;
const lf = 10;
const blankLine = "\n\n";

/**
 * Cuts Server-Sent Events out of an HTTP response body. A chunked body is first made contiguous in place: what is left
 * over from the read before stands directly in front of the new bytes, and chunk sizes are squeezed out between them.
 */
export class EventReader implements Reader {
  readonly #inbox: Inbox;
  readonly #chunked: boolean;
  /** Bytes of the current chunk still to come. */
  #left = 0;
  /** Chunk size line read so far, across reads. */
  #size = "";
  /** Length of the event before, the guess for the next. */
  #stride = 0;

  constructor(inbox: Inbox, head: string) {
    this.#inbox = inbox;
    this.#chunked = /transfer-encoding:\s*chunked/i.test(head);
  }

  read(slab: Buffer, span: Span): void {
    if (this.#chunked) span.end = this.#unchunk(slab, span.fresh, span.end);
    let at = span.from;
    for (;;) {
      const end = this.#eventEnd(slab, at, span.end);
      if (end < 0) break;
      this.#inbox.text(slab, at, end);
      at = end;
    }
    span.from = at;
  }

  #eventEnd(slab: Buffer, start: number, end: number): number {
    const guess = start + this.#stride;
    if (this.#stride > 2 && guess <= end && slab[guess - 1] === lf && slab[guess - 2] === lf) return guess;
    const found = slab.subarray(start, end).indexOf(blankLine);
    if (found < 0) return -1;
    this.#stride = found + blankLine.length;
    return start + this.#stride;
  }

  #unchunk(slab: Buffer, start: number, end: number): number {
    let to = start;
    let at = start;
    while (at < end) {
      if (this.#left === 0) {
        at = this.#chunkSize(slab, at, end);
        continue;
      }
      const count = Math.min(this.#left, end - at);
      if (to !== at) slab.copyWithin(to, at, at + count);
      to += count;
      at += count;
      this.#left -= count;
    }
    return to;
  }

  /** Reads a chunk size line, and the line break that ends the chunk before it. */
  #chunkSize(slab: Buffer, start: number, end: number): number {
    for (let at = start; at < end; at++) {
      const byte = slab[at] as number;
      if (byte === cr) continue;
      if (byte !== lf) this.#size += String.fromCharCode(byte);
      else if (this.#size !== "") {
        this.#left = Number.parseInt(this.#size, 16);
        this.#size = "";
        if (!(this.#left > 0)) this.#inbox.fail("response ended by the server");
        return at + 1;
      }
    }
    return end;
  }
}
