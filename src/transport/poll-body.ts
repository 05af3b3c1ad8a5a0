import { createHash } from "node:crypto";
import type { Line } from "../protocol/frame.ts";

const utf8 = new TextEncoder();
const opening = utf8.encode("[");
const comma = utf8.encode(",");
const closing = utf8.encode("]");

/** More than that is written in pieces of this size, as the client takes them. */
const pieceBytes = 64 * 1024;

/** The JSON array of frames that answers a poll, and its entity tag. */
export class PollBody {
  readonly etag: string;
  /** In bytes. */
  readonly size: number;
  /** The bytes of the frames themselves, which other transports share. */
  readonly #parts: readonly Uint8Array[];

  constructor(frames: readonly Line[]) {
    this.#parts = [...partsOf(frames)];
    const hash = createHash("sha1");
    let size = 0;
    for (const part of this.#parts) {
      hash.update(part);
      size += part.length;
    }
    this.size = size;
    this.etag = `"${hash.digest("base64url")}"`;
  }

  /** The body of one answer; of a large one, no more than a piece is copied before the client has taken the last. */
  content(): Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> {
    const pieces = piecesOf(this.#parts);
    if (this.size <= pieceBytes) return pieces.next().value ?? new Uint8Array(0);
    const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
      const { value, done } = pieces.next();
      if (done) controller.close();
      else controller.enqueue(value);
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

function* partsOf(frames: readonly Line[]): Generator<Uint8Array> {
  yield opening;
  for (const [i, { bytes }] of frames.entries()) {
    if (i > 0) yield comma;
    yield bytes;
  }
  yield closing;
}

/** The same bytes in pieces of equal size, each a copy of its own. */
function* piecesOf(parts: readonly Uint8Array[]): Generator<Uint8Array<ArrayBuffer>, undefined> {
  let left = 0;
  for (const { length } of parts) left += length;
  let piece = new Uint8Array(Math.min(left, pieceBytes));
  let at = 0;
  for (const part of parts) {
    for (let from = 0; from < part.length; ) {
      const taken = part.subarray(from, from + piece.length - at);
      piece.set(taken, at);
      at += taken.length;
      from += taken.length;
      if (at < piece.length) continue;
      yield piece;
      left -= at;
      piece = new Uint8Array(Math.min(left, pieceBytes));
      at = 0;
    }
  }
}
