import { plainText } from "./ansi.ts";
import { columnsOf } from "./columns.ts";

/** A rule across the log: something that happened to the file or to the connection. */
export interface Rule {
  readonly kind: "rotated" | "gap" | "again";
  readonly text: string;
}

/** What stands in a log view: a line as it came, or a rule. */
export type Entry = string | Rule;

/** How much is kept. Old entries go in blocks, as soon as one of both would be exceeded. */
export interface Bounds {
  readonly entries: number;
  readonly characters: number;
}

/** A phone's window of 40 columns shows that many characters in 14 million pixels; browsers lay out 17 million. */
const ordinary: Bounds = { entries: 200_000, characters: 32_000_000 };
const blockSize = 1000;

/** Entries that came one after the other, and go together. */
interface Block {
  /** The number of its first entry. */
  readonly first: number;
  readonly entries: Entry[];
  /** How wide each entry is, in columns; 0 for a rule. */
  readonly columns: number[];
  /** How many rows those entries really take of which that was measured, by their number. */
  readonly measured: Map<number, number>;
  rows: number;
  characters: number;
  lines: number;
}

/**
 * The newest entries of a log, and the rows that each of them takes in a view of a certain width.
 *
 * Every entry has a number for good, counted from 0. It is fed with every line that comes, thousands a second, so nobody is
 * told of a change: whoever draws looks.
 */
export class LineStore {
  readonly #bounds: Bounds;
  #blocks: Block[] = [];
  #end = 0;
  #characters = 0;
  #rows = 0;
  #lines = 0;
  #droppedLines = 0;
  #droppedRows = 0;
  #widest = 0;
  #wrapAt = Number.POSITIVE_INFINITY;

  constructor(bounds: Bounds = ordinary) {
    this.#bounds = bounds;
  }

  /** The number of the oldest entry that is kept; equal to `end` when there is none. */
  get first(): number {
    return this.#blocks[0]?.first ?? this.#end;
  }

  /** The number that the next entry will have. */
  get end(): number {
    return this.#end;
  }

  /** How many lines there have been. */
  get lines(): number {
    return this.#lines;
  }

  /** How many of them are not kept any more. */
  get droppedLines(): number {
    return this.#droppedLines;
  }

  /** How many rows all entries take that are kept. */
  get rows(): number {
    return this.#rows;
  }

  /** How many rows have gone since this was asked last. */
  takeDroppedRows(): number {
    const gone = this.#droppedRows;
    this.#droppedRows = 0;
    return gone;
  }

  add(entry: Entry): void {
    const block = this.#newest();
    const isLine = typeof entry === "string";
    const columns = isLine ? columnsOf(plainText(entry)) : 0;
    const rows = rowsOf(columns, this.#wrapAt);
    const characters = isLine ? entry.length : entry.text.length;
    block.entries.push(entry);
    block.columns.push(columns);
    block.rows += rows;
    block.characters += characters;
    this.#rows += rows;
    this.#characters += characters;
    this.#end += 1;
    this.#widest = Math.max(this.#widest, columns);
    if (isLine) {
      block.lines += 1;
      this.#lines += 1;
    }
    this.#dropOld();
  }

  /** The entry of a number; `undefined` for one that is not kept or has not come. */
  get(number: number): Entry | undefined {
    const block = this.#blockOf(number);
    return block?.entries[number - block.first];
  }

  /** The widest line that there has been, in columns. */
  get widest(): number {
    return this.#widest;
  }

  /** Lines are broken after that many columns from now on; never when it is `Infinity`. */
  wrapAt(columns: number): void {
    if (columns === this.#wrapAt) return;
    this.#wrapAt = columns;
    this.#rows = 0;
    for (const block of this.#blocks) {
      block.measured.clear();
      block.rows = block.columns.reduce((sum, width) => sum + rowsOf(width, columns), 0);
      this.#rows += block.rows;
    }
  }

  /** To be told when an entry takes other than the guessed number of rows. Whether that was news. */
  measure(number: number, rows: number): boolean {
    const block = this.#blockOf(number);
    if (!block) return false;
    const change = rows - this.#rowsIn(block, number - block.first);
    if (change === 0) return false;
    block.measured.set(number, rows);
    block.rows += change;
    this.#rows += change;
    return true;
  }

  /** The first row of an entry, counted from the oldest that is kept. */
  rowOf(number: number): number {
    let row = 0;
    for (const block of this.#blocks) {
      if (number >= block.first + block.entries.length) row += block.rows;
      else {
        for (let at = 0; at < number - block.first; at++) row += this.#rowsIn(block, at);
        break;
      }
    }
    return row;
  }

  /** The number of the entry that a row is of; the nearest one when there is no such row. */
  entryAt(row: number): number {
    let left = Math.max(0, row);
    for (const block of this.#blocks) {
      if (left >= block.rows) left -= block.rows;
      else {
        let at = 0;
        while (left >= this.#rowsIn(block, at)) left -= this.#rowsIn(block, at++);
        return block.first + at;
      }
    }
    return Math.max(this.first, this.#end - 1);
  }

  #rowsIn(block: Block, at: number): number {
    return block.measured.get(block.first + at) ?? rowsOf(block.columns[at] ?? 0, this.#wrapAt);
  }

  #blockOf(number: number): Block | undefined {
    // Every block but the newest is full, so each begins at a multiple of its size.
    const at = Math.floor(number / blockSize) - Math.floor(this.first / blockSize);
    return number < this.#end ? this.#blocks[at] : undefined;
  }

  #newest(): Block {
    const last = this.#blocks.at(-1);
    if (last && last.entries.length < blockSize) return last;
    const block: Block = {
      ...{ first: this.#end, entries: [], columns: [], measured: new Map() },
      ...{ rows: 0, characters: 0, lines: 0 },
    };
    this.#blocks.push(block);
    return block;
  }

  #dropOld(): void {
    const { entries, characters } = this.#bounds;
    while (this.#blocks.length > 1 && (this.#end - this.first > entries || this.#characters > characters)) {
      const gone = this.#blocks.shift();
      this.#rows -= gone?.rows ?? 0;
      this.#droppedRows += gone?.rows ?? 0;
      this.#characters -= gone?.characters ?? 0;
      this.#droppedLines += gone?.lines ?? 0;
    }
  }
}

function rowsOf(columns: number, wrapAt: number): number {
  return Math.max(1, Math.ceil(columns / wrapAt));
}
