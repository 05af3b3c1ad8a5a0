import { Envelope, type Line, Placed } from "./frame.ts";

const ascii = new TextEncoder();
const idField = ascii.encode("id: ");
const dataField = ascii.encode("data: ");
const newline = 10;

/** A cursor of more characters than that is copied as a whole. */
const longCursor = 64;

/** In how many spellings of its stream's name a batch is kept. */
const mostSpellings = 4;

/** Frames that leave together, in the wire form of each transport; each form is made at most once and shared by all sockets. */
export class Batch {
  readonly frames: readonly Line[];
  #ws: Uint8Array | undefined;
  #sse: Uint8Array | undefined;
  #chunk: Uint8Array | undefined;
  #within: Map<string, Batch> | undefined;

  constructor(frames: readonly Line[]) {
    this.frames = frames;
  }

  /** One unmasked WebSocket text message a frame (RFC 6455, section 5.2). */
  get ws(): Uint8Array {
    this.#ws ??= webSocketMessages(this.frames);
    return this.#ws;
  }

  /** One Server-Sent Event a frame (HTML standard, section 9.2). */
  get sse(): Uint8Array {
    this.#sse ??= serverSentEvents(this.frames);
    return this.#sse;
  }

  /** The Server-Sent Events as one chunk of an HTTP/1.1 body (RFC 9112, section 7.1). */
  get chunk(): Uint8Array {
    this.#chunk ??= httpChunk(this.sse);
    return this.#chunk;
  }

  /** The same frames as a connection with many streams has them; made once for all connections that call the stream so. */
  within(stream: string): Batch {
    this.#within ??= new Map();
    const known = this.#within.get(stream) ?? new Batch(this.frames.map((line) => new Envelope(stream, line)));
    // One stream may be asked for in any number of spellings, and a greeting is kept for long.
    if (this.#within.size < mostSpellings) this.#within.set(stream, known);
    return known;
  }

  /** The same frames, their cursors replaced one after the other. */
  placed(place: (cursor: string) => string): Batch {
    return new Batch(
      this.frames.map((line) => (line.cursor === undefined ? line : new Placed(line, place(line.cursor)))),
    );
  }
}

function webSocketMessages(frames: readonly Line[]): Uint8Array {
  let size = 0;
  for (const { bytes } of frames) size += headerSize(bytes.length) + bytes.length;
  const out = new Uint8Array(size);
  let at = 0;
  for (const { bytes } of frames) {
    at = writeHeader(out, at, bytes.length);
    out.set(bytes, at);
    at += bytes.length;
  }
  return out;
}

function headerSize(length: number): number {
  if (length < 126) return 2;
  return length < 65_536 ? 4 : 10;
}

function writeHeader(out: Uint8Array, at: number, length: number): number {
  const view = new DataView(out.buffer, out.byteOffset);
  out[at] = 0x81; // the whole message, text
  if (length < 126) {
    out[at + 1] = length;
  } else if (length < 65_536) {
    out[at + 1] = 126;
    view.setUint16(at + 2, length);
  } else {
    out[at + 1] = 127;
    view.setBigUint64(at + 2, BigInt(length));
  }
  return at + headerSize(length);
}

function serverSentEvents(frames: readonly Line[]): Uint8Array {
  let size = 0;
  for (const { bytes, cursor } of frames) {
    size += dataField.length + bytes.length + 2;
    if (cursor !== undefined) size += idField.length + cursor.length + 1;
  }
  const out = new Uint8Array(size);
  let at = 0;
  for (const { bytes, cursor } of frames) {
    if (cursor !== undefined) at = writeId(out, at, cursor);
    out.set(dataField, at);
    out.set(bytes, at + dataField.length);
    at += dataField.length + bytes.length;
    out[at++] = newline;
    out[at++] = newline;
  }
  return out;
}

function writeId(out: Uint8Array, at: number, cursor: string): number {
  out.set(idField, at);
  let end = at + idField.length;
  if (cursor.length > longCursor) end += ascii.encodeInto(cursor, out.subarray(end)).written;
  else for (let i = 0; i < cursor.length; i++) out[end++] = cursor.charCodeAt(i);
  out[end++] = newline;
  return end;
}

/** Wraps bytes as one chunk of an HTTP/1.1 body (RFC 9112, section 7.1). */
export function httpChunk(body: Uint8Array): Uint8Array {
  const head = ascii.encode(`${body.length.toString(16)}\r\n`);
  const out = new Uint8Array(head.length + body.length + 2);
  out.set(head);
  out.set(body, head.length);
  out[out.length - 2] = 13;
  out[out.length - 1] = newline;
  return out;
}
