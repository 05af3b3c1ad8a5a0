/** Bytes of a slab: `from` is where what is not yet read starts, `fresh` what came with this read, `end` its end. */
export interface Span {
  from: number;
  fresh: number;
  end: number;
}

/** Cuts frames out of bytes; leaves in the span what is not a whole frame yet. */
export interface Reader {
  read(slab: Buffer, span: Span): void;
}

/** Where a reader puts what it found. */
export interface Inbox {
  text(slab: Buffer, start: number, end: number): void;
  reply(bytes: Buffer): void;
  fail(reason: string): void;
}
