import type { LogBytes } from "../protocol/log.ts";
import { esc } from "./escapes.ts";
import { hiddenAtCut, type Redaction } from "./redact.ts";

/** A piece of a log's file. */
export interface Piece {
  readonly head: LogBytes;
  readonly bytes: Buffer;
}

/** Reads at most so many bytes of the file from an offset on; fewer only at its end. */
export type ReadPiece = (from: number, length: number) => Promise<Piece>;

const longestPiece = 512 * 1024;
/** How far back the start of a line is looked for. */
const contextBytes = 65_536;
const lineFeed = 10;
const star = "*".charCodeAt(0);

/**
 * The bytes of a file from an offset on, half a MiB at most, without what nobody may see.
 *
 * With rules a piece ends at the end of a line, and every byte stays at its offset, so pieces and their sizes fit together
 * as if there were no rules. A last line that has not ended is hidden: it may be half a secret.
 */
export async function readRedacted(read: ReadPiece, redaction: Redaction, from: number): Promise<Piece> {
  const before = redaction.isActive ? Math.min(from, contextBytes) : 0;
  const { head, bytes } = await read(from - before, before + longestPiece);
  const isLast = from - before + bytes.length >= head.size;
  const place = { before, isAtStart: before === from, isLast };
  const piece = redaction.isActive ? shown(bytes, place, redaction) : bytes;
  return { head: { ...head, from, to: from + piece.length }, bytes: piece };
}

interface Place {
  /** How many bytes were read for context only. */
  readonly before: number;
  /** Whether the context begins where the file does. */
  readonly isAtStart: boolean;
  /** Whether nothing comes after the bytes. */
  readonly isLast: boolean;
}

function shown(bytes: Buffer, { before, isAtStart, isLast }: Place, redaction: Redaction): Buffer {
  if (bytes.length <= before) return Buffer.alloc(0);
  const ended = bytes.lastIndexOf(lineFeed) + 1;
  const isCut = ended <= before;
  const end = isCut ? bytes.length : ended;
  if (isCut && isLast) return Buffer.alloc(end - before, star);
  const begun = before === 0 ? 0 : bytes.lastIndexOf(lineFeed, before - 1) + 1;
  redaction.overwrite(bytes.subarray(begun, end));
  const piece = bytes.subarray(before, end);
  // Among colour codes a secret is longer than by itself.
  const hidden = piece.includes(esc) ? 16 * hiddenAtCut : hiddenAtCut;
  if (begun === 0 && !isAtStart) hide(piece, 0, hidden);
  if (isCut) hide(piece, piece.length - hidden, piece.length);
  return piece;
}

/** Hides bytes up to the end of their line. */
function hide(piece: Buffer, from: number, to: number): void {
  const start = Math.max(0, from);
  const found = piece.indexOf(lineFeed, start);
  piece.fill(star, start, Math.min(to, found < 0 ? piece.length : found));
}
