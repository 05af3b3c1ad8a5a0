import { createHash } from "node:crypto";
import type { Line } from "../protocol/frame.ts";

const [opening = 0, comma = 0, closing = 0] = new TextEncoder().encode("[,]");

/** More than that is written in pieces of this size, as the client takes them. */
const pieceBytes = 64 * 1024;

/** The JSON array of frames that answers a poll, and its entity tag. */
export class PollBody {
  readonly etag: string;
  readonly #bytes: Uint8Array<ArrayBuffer>;

  constructor(frames: readonly Line[]) {
    this.#bytes = arrayOf(frames);
    this.etag = `"${createHash("sha1").update(this.#bytes).digest("base64url")}"`;
  }

  /** In bytes. */
  get size(): number {
    return this.#bytes.length;
  }

  /** The body of one answer; of a large one, no more than a piece is copied before the client has taken the last. */
  content(): Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> {
    const bytes = this.#bytes;
    if (bytes.length <= pieceBytes) return bytes;
    let at = 0;
    const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
      controller.enqueue(bytes.subarray(at, at + pieceBytes));
      at += pieceBytes;
      if (at >= bytes.length) controller.close();
    };
    return new ReadableStream({ pull }, { highWaterMark: 0 });
  }
}

/** The bodies of answers, each made once for as long as its frames are kept. */
export class PollBodies {
  readonly #known = new WeakMap<readonly Line[], PollBody>();

  has(frames: readonly Line[]): boolean {
    return this.#known.has(frames);
  }

  of(frames: readonly Line[]): PollBody {
    const body = this.#known.get(frames) ?? new PollBody(frames);
    this.#known.set(frames, body);
    return body;
  }
}

function arrayOf(frames: readonly Line[]): Uint8Array<ArrayBuffer> {
  let size = 1 + Math.max(1, frames.length);
  for (const { bytes } of frames) size += bytes.length;
  const out = new Uint8Array(size);
  let at = 0;
  for (const { bytes } of frames) {
    out[at] = at === 0 ? opening : comma;
    out.set(bytes, at + 1);
    at += bytes.length + 1;
  }
  if (at === 0) out[at++] = opening;
  out[at] = closing;
  return out;
}
