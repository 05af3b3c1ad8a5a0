import type { LinesStep, LogPlace } from "../protocol/log.ts";
import { Buffers } from "./buffers.ts";
import type { FileStat, OpenFile } from "./files.ts";
import { Lines } from "./lines.ts";
import { markBytes, markOf, startMark } from "./mark.ts";

/** How many bytes are read at once. */
export const chunkBytes = 65_536;

/** What is read again each time: a mark's bytes and those of an unfinished character after them. */
const overlapBytes = markBytes + 3;

const buffers = new Buffers(overlapBytes + chunkBytes, 16);

/** What a read found: the lines that are whole now, and whether that was all there is. `truncated`: the file was rewritten. */
export type Piece = { readonly step: LinesStep | undefined; readonly isEnd: boolean } | "truncated";

/** How far a generation was read. */
export interface Reach extends LogPlace {
  /** The first bytes of the file, up to 64, one character for each. */
  readonly head: string;
}

interface Start {
  readonly offset: number;
  readonly before: Buffer;
  readonly head: Buffer;
}

const nothing = Buffer.alloc(0);

/** What a generation is made of. */
export interface GenerationParts {
  readonly name: string;
  readonly file: OpenFile;
  readonly stat: FileStat;
  readonly maxLineBytes: number;
}

/**
 * One life of a file, being read.
 *
 * Every read begins with the last bytes of the one before. When they are others now, the file was truncated, even when it
 * has grown beyond that place again.
 */
export class Generation {
  /** Fifteen characters. */
  readonly name: string;
  /** Of the file: device, inode, birth. */
  readonly id: string;
  readonly birthNs: bigint;
  #file: OpenFile;
  readonly #lines: Lines;
  #read: number;
  /** The last bytes before `read`, one character for each. */
  #tail: string;
  #mark: string;
  /** The first bytes of the file, one character for each. */
  #head: string;
  #seenSize = -1;
  #seenNs = 0n;
  #isSure = false;

  private constructor({ name, file, stat, maxLineBytes }: GenerationParts, start: Start) {
    const { offset, before, head } = start;
    this.name = name;
    this.id = stat.id;
    this.birthNs = stat.birthNs;
    this.#file = file;
    this.#lines = new Lines(maxLineBytes, { offset, byteBefore: before.at(-1) });
    this.#read = offset;
    this.#tail = before.toString("latin1");
    this.#mark = offset === 0 ? startMark : markOf(before);
    this.#head = head.toString("latin1");
  }

  /** From an offset on; undefined when the file is shorter, or when the bytes before give another mark. */
  static async at(parts: GenerationParts, offset: number, mark?: string): Promise<Generation | undefined> {
    const before = await bytesBefore(parts.file, offset, overlapBytes);
    if (!before || (mark !== undefined && offset > 0 && markOf(before) !== mark)) return undefined;
    const headBytes = Math.min(markBytes, offset);
    const head = await bytesBefore(parts.file, headBytes, headBytes);
    return head && new Generation(parts, { offset, before, head });
  }

  /** From the start of the file on. */
  static fromStart(parts: GenerationParts): Generation {
    return new Generation(parts, { offset: 0, before: nothing, head: nothing });
  }

  get file(): OpenFile {
    return this.#file;
  }

  /** Where the last line ends that was given away. */
  get place(): LogPlace {
    return { generation: this.name, offset: this.#lines.end, mark: this.#mark };
  }

  /** The place up to which it is read, unfinished line and all. */
  get reach(): Reach {
    return { generation: this.name, offset: this.#read, mark: this.#reachMark(), head: this.#head };
  }

  /** Up to which byte it is read, unfinished line and all. */
  get readTo(): number {
    return this.#read;
  }

  get hasCarry(): boolean {
    return this.#lines.hasCarry;
  }

  /** Whether the file looks as it did when it was last read to its end, and the time before. */
  isUnchanged({ size, changedNs }: FileStat): boolean {
    return this.#isSure && size === this.#read && size === this.#seenSize && changedNs === this.#seenNs;
  }

  /**
   * Remembers how the file looked before it was read to its end.
   *
   * File systems tell the time in steps of milliseconds. So a file is unchanged only when it looks the same twice, with a
   * read in between.
   */
  saw({ size, changedNs }: FileStat): void {
    this.#isSure = size === this.#seenSize && changedNs === this.#seenNs;
    this.#seenSize = size;
    this.#seenNs = changedNs;
  }

  /** Goes on in a file with the same bytes: a copy, or the same file opened again. False leaves all as it is: they are others. */
  async moveTo(file: OpenFile): Promise<boolean> {
    const before = await bytesBefore(file, this.#read, overlapBytes);
    if (before?.toString("latin1") !== this.#tail) return false;
    this.#file = file;
    return true;
  }

  /** Reads on: at most 64 KiB, or `most` bytes. */
  async read(most = chunkBytes): Promise<Piece> {
    const buffer = await buffers.take();
    try {
      const overlap = this.#tail.length;
      const wanted = buffer.subarray(0, overlap + Math.min(most, chunkBytes));
      const count = await this.#file.read(wanted, this.#read - overlap);
      if (count < overlap || wanted.toString("latin1", 0, overlap) !== this.#tail) return "truncated";
      const step = count > overlap ? this.#take(wanted.subarray(0, count), overlap) : undefined;
      return { step, isEnd: count < wanted.length };
    } finally {
      buffers.give(buffer);
    }
  }

  /** The unfinished line as a line; `isOver` says that no more will come of it. */
  flush(isOver: boolean): LinesStep | undefined {
    const from = this.#lines.end;
    const line = this.#lines.flush(isOver);
    if (line === undefined) return undefined;
    const kept = this.#read - this.#lines.end;
    const before = Buffer.from(this.#tail, "latin1");
    return this.#step([line], from, before.subarray(0, before.length - kept));
  }

  #take(bytes: Buffer, overlap: number): LinesStep | undefined {
    const from = this.#lines.end;
    const lines = this.#lines.push(bytes.subarray(overlap));
    const start = this.#read - overlap;
    if (this.#head.length < markBytes && start === 0) this.#head = bytes.toString("latin1", 0, markBytes);
    this.#read = start + bytes.length;
    this.#tail = bytes.toString("latin1", Math.max(0, bytes.length - overlapBytes));
    const to = this.#lines.end;
    return to === from ? undefined : this.#step(lines, from, bytes.subarray(0, to - start));
  }

  #step(lines: readonly string[], from: number, before: Buffer): LinesStep {
    this.#mark = markOf(before);
    return { lines, generation: this.name, from, to: this.#lines.end, mark: this.#mark };
  }

  #reachMark(): string {
    return this.#read === 0 ? startMark : markOf(Buffer.from(this.#tail, "latin1"));
  }
}

/** The bytes before an offset, `most` of them or as many as there are; undefined when the file ends before it. */
export async function bytesBefore(file: OpenFile, offset: number, most: number): Promise<Buffer | undefined> {
  const length = Math.min(most, offset);
  const bytes = Buffer.allocUnsafeSlow(length);
  if (length > 0 && (await file.read(bytes, offset - length)) < length) return undefined;
  return bytes;
}

/** Whether a file may be one that was read so far, or a copy of it, be it a shorter one. */
export async function isLike(file: OpenFile, size: number, { head, ...reach }: Reach): Promise<boolean> {
  const length = Math.min(size, head.length);
  const bytes = length > 0 ? await bytesBefore(file, length, length) : undefined;
  if (bytes?.toString("latin1") !== head.slice(0, length)) return false;
  return size < reach.offset || (await isAt(file, reach));
}

/** Whether the bytes of a file before a place are those of the place. */
export async function isAt(file: OpenFile, { offset, mark }: Pick<LogPlace, "offset" | "mark">): Promise<boolean> {
  const before = await bytesBefore(file, offset, markBytes);
  return before !== undefined && (offset === 0 || markOf(before) === mark);
}

/** Whether a file has no name any more, or cannot be asked. */
export async function isDeleted(file: OpenFile): Promise<boolean> {
  const stat = await file.stat().catch(() => undefined);
  return stat === undefined || stat.links === 0;
}
