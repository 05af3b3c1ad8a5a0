const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const empty = Buffer.alloc(0);
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);
/** A byte order mark and a carriage return are not counted, and one byte more tells a line that is too long. */
const slackBytes = byteOrderMark.length + 2;

/** Of the control characters a line keeps the tab, an inner carriage return, and ESC, which begins a colour. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001a\u001c-\u001f]/;
const controls = new RegExp(control, "g");

/** Where in a file the lines begin. */
export interface LinesStart {
  /** In bytes. At 0 a byte order mark and leading NULs are dropped: a hole that a truncation left. */
  readonly offset: number;
  /** The byte before; after anything but a line feed the first line goes on with one that was already given away. */
  readonly byteBefore: number | undefined;
}

/**
 * Bytes made into lines.
 *
 * A line ends at a line feed and loses one carriage return before it. Bytes that are not UTF-8 and control characters become
 * U+FFFD. However the bytes are cut into pieces, the lines are the same.
 */
export class Lines {
  readonly #maxLineBytes: number;
  /** The first bytes of the line that has no end yet: as many as a line may have, and a few more. */
  #carry: Buffer = empty;
  /** How many bytes of that line came after those. */
  #skipped = 0;
  #offset: number;
  /** Whether the line without an end is the rest of one whose beginning was given away. */
  #isRest: boolean;
  #end: number;

  constructor(maxLineBytes: number, { offset, byteBefore }: LinesStart) {
    this.#maxLineBytes = maxLineBytes;
    this.#offset = offset;
    this.#end = offset;
    this.#isRest = byteBefore !== undefined && byteBefore !== lineFeed && byteBefore !== 0;
  }

  /** Where the last line ends that was given away. */
  get end(): number {
    return this.#end;
  }

  /** Whether there is a beginning of a line. */
  get hasCarry(): boolean {
    return this.#carry.length > 0;
  }

  /** Takes the next bytes, which it does not keep; gives the lines that end in them. */
  push(bytes: Buffer): string[] {
    const lines: string[] = [];
    let from = this.#end === 0 && this.#carry.length === 0 ? leadingNuls(bytes) : 0;
    for (let end = bytes.indexOf(lineFeed, from); end >= 0; end = bytes.indexOf(lineFeed, from)) {
      const isWhole = this.#carry.length === 0;
      if (!isWhole) this.#keep(bytes, from, end);
      const line = isWhole ? this.#text(bytes, from, end) : this.#text(this.#carry, 0, this.#carry.length);
      if (line !== "" || !this.#isRest) lines.push(line);
      from = end + 1;
      this.#begin(this.#offset + from);
    }
    if (from < bytes.length) this.#keep(bytes, from, bytes.length);
    this.#offset += bytes.length;
    return lines;
  }

  /**
   * Gives the line that has no end yet as if it had one; undefined when there is none.
   *
   * Keeps the first bytes of a character whose last ones have not come, unless `isOver`.
   */
  flush(isOver: boolean): string | undefined {
    const kept = isOver || this.#skipped > 0 ? 0 : unfinishedBytes(this.#carry);
    const { length } = this.#carry;
    if (length === kept) return undefined;
    const line = this.#text(this.#carry, 0, length - kept);
    const rest = this.#carry.subarray(length - kept);
    this.#begin(this.#offset - kept);
    this.#isRest = true;
    this.#carry = kept === 0 ? empty : rest;
    return line;
  }

  #begin(offset: number): void {
    this.#end = offset;
    this.#carry = empty;
    this.#skipped = 0;
    this.#isRest = false;
  }

  #keep(bytes: Buffer, from: number, to: number): void {
    const room = Math.max(0, this.#maxLineBytes + slackBytes - this.#carry.length);
    const kept = Math.min(room, to - from);
    this.#skipped += to - from - kept;
    if (kept > 0) this.#carry = joined(this.#carry, bytes.subarray(from, from + kept));
  }

  #text(bytes: Buffer, from: number, to: number): string {
    const start = this.#end === 0 && startsWithMark(bytes, from, to) ? from + byteOrderMark.length : from;
    // Of a longer line the end is not at hand when it came in pieces, so it is left as it is when it came whole.
    const hasEnd = this.#skipped === 0 && to - from <= this.#maxLineBytes + slackBytes;
    const end = hasEnd && to > start && bytes[to - 1] === carriageReturn ? to - 1 : to;
    const cut = end - start > this.#maxLineBytes ? start + this.#maxLineBytes : end;
    if (cut === end) return printable(bytes.toString("utf8", start, end));
    const whole = cut - unfinishedBytes(bytes.subarray(start, cut));
    const more = end - whole + this.#skipped;
    return `${printable(bytes.toString("utf8", start, whole))}…[+${more} bytes]`;
  }
}

function printable(line: string): string {
  return control.test(line) ? line.replace(controls, "\ufffd") : line;
}

function leadingNuls(bytes: Buffer): number {
  let count = 0;
  while (count < bytes.length && bytes[count] === 0) count += 1;
  return count;
}

function startsWithMark(bytes: Buffer, from: number, to: number): boolean {
  return to - from >= 3 && bytes[from] === 0xef && bytes.compare(byteOrderMark, 0, 3, from, from + 3) === 0;
}

/** How many bytes at the end are the beginning of a character of UTF-8 that needs more. */
function unfinishedBytes(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte < 0xc0) continue;
    const needed = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    return needed > back ? back : 0;
  }
  return 0;
}

/** A copy of its own, not a part of a buffer that many share and that would live as long. */
function joined(first: Buffer, second: Buffer): Buffer {
  const both = Buffer.allocUnsafeSlow(first.length + second.length);
  first.copy(both);
  second.copy(both, first.length);
  return both;
}
