import { type Cursor, formatCursor } from "./cursor.ts";

/** What a frame says before it is encoded: a JSON object told apart by `type`. */
export interface FrameBody {
  readonly type: string;
  readonly [field: string]: unknown;
}

const utf8 = new TextEncoder();

/**
 * What goes to a client: one JSON object on one line, encoded once however many clients it reaches.
 *
 * JSON escapes raw CR and LF, so the text is always one line (RFC 8259).
 */
export class Frame {
  readonly json: string;
  /** The wire form of the place a client may resume from, when the frame has one. */
  readonly cursor: string | undefined;
  #bytes: Uint8Array | undefined;

  constructor(body: FrameBody, cursor?: Cursor) {
    this.cursor = cursor && formatCursor(cursor);
    this.json = JSON.stringify(this.cursor === undefined ? body : { ...body, cursor: this.cursor });
  }

  /** The frame's text as UTF-8, made at the first call. */
  get bytes(): Uint8Array {
    this.#bytes ??= utf8.encode(this.json);
    return this.#bytes;
  }
}
