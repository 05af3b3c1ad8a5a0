import { type Cursor, formatCursor } from "./cursor.ts";

/** What a frame says before it is encoded: a JSON object told apart by `type`. */
export interface FrameBody {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** A text for clients on one line, and the place that a client has reached who has read it. */
export interface Line {
  readonly json: string;
  /** The text as UTF-8. */
  readonly bytes: Uint8Array;
  /** The wire form of the place, when the line says where that is. */
  readonly cursor: string | undefined;
}

const utf8 = new TextEncoder();

/**
 * What goes to a client: one JSON object on one line, encoded once however many clients it reaches.
 *
 * JSON escapes raw CR and LF, so the text is always one line (RFC 8259).
 */
export class Frame implements Line {
  readonly json: string;
  /** The wire form of the place a client may resume from, when the frame has one. */
  readonly cursor: string | undefined;
  #bytes: Uint8Array | undefined;

  /** Takes a body, or the whole JSON text of a frame, cursor and all. */
  constructor(body: FrameBody | string, cursor?: Cursor) {
    this.cursor = cursor && formatCursor(cursor);
    this.json = typeof body === "string" ? body : textOf(body, this.cursor);
  }

  /** The frame's text as UTF-8, made at the first call. */
  get bytes(): Uint8Array {
    this.#bytes ??= utf8.encode(this.json);
    return this.#bytes;
  }
}

function textOf(body: FrameBody, cursor: string | undefined): string {
  return JSON.stringify(cursor === undefined ? body : { ...body, cursor });
}

/** What is said again and again, so that whoever listens knows that it still holds: no news. */
export class Repetition extends Frame {}

/** A frame on a connection with many streams: which of them it belongs to, and the frame's own bytes. */
export class Envelope implements Line {
  readonly json: string;
  readonly cursor: string | undefined;
  #bytes: Uint8Array | undefined;

  constructor(stream: string, { json, cursor }: Line) {
    this.json = `{"stream":${JSON.stringify(stream)},"frame":${json}}`;
    this.cursor = cursor;
  }

  get bytes(): Uint8Array {
    this.#bytes ??= utf8.encode(this.json);
    return this.#bytes;
  }
}

/** The same line, as a place of another kind: of a whole connection instead of one stream. */
export class Placed implements Line {
  readonly cursor: string;
  readonly #line: Line;

  constructor(line: Line, cursor: string) {
    this.#line = line;
    this.cursor = cursor;
  }

  get json(): string {
    return this.#line.json;
  }

  get bytes(): Uint8Array {
    return this.#line.bytes;
  }
}
