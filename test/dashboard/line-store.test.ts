import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { piecesOf, plainText } from "../../src/dashboard/logs/ansi.ts";
import { columnsOf } from "../../src/dashboard/logs/columns.ts";
import { LineStore } from "../../src/dashboard/logs/line-store.ts";
import { Search } from "../../src/dashboard/logs/search.ts";

const esc = String.fromCharCode(27);

/** What may happen to a store: lines of some width come, a rule, another width of the window, a line is measured. */
type Step =
  | { readonly kind: "lines"; readonly count: number; readonly width: number }
  | { readonly kind: "rule" }
  | { readonly kind: "wrap"; readonly columns: number }
  | { readonly kind: "measure"; readonly share: number; readonly rows: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant("lines" as const), count: fc.integer({ min: 1, max: 1500 }), width: fc.nat(300) }),
  fc.record({ kind: fc.constant("rule" as const) }),
  fc.record({ kind: fc.constant("wrap" as const), columns: fc.constantFrom(8, 40, 120, Number.POSITIVE_INFINITY) }),
  fc.record({
    kind: fc.constant("measure" as const),
    share: fc.double({ min: 0, max: 0.999, noNaN: true }),
    rows: fc.integer({ min: 1, max: 9 }),
  }),
);

/** The same, told by an array: the rows of each entry that ever came. */
class Model {
  widths: number[] = [];
  rows: number[] = [];
  wrapAt = Number.POSITIVE_INFINITY;

  add(width: number): void {
    this.widths.push(width);
    this.rows.push(this.#rowsOf(width));
  }

  wrap(columns: number): void {
    // To be told the same width again changes nothing, and what was measured counts.
    if (columns === this.wrapAt) return;
    this.wrapAt = columns;
    this.rows = this.widths.map((width) => this.#rowsOf(width));
  }

  #rowsOf(width: number): number {
    return Math.max(1, Math.ceil(width / this.wrapAt));
  }
}

function take(store: LineStore, model: Model, one: Step): void {
  if (one.kind === "lines") {
    for (let i = 0; i < one.count; i++) {
      store.add("x".repeat(one.width));
      model.add(one.width);
    }
  } else if (one.kind === "rule") {
    store.add({ kind: "gap", text: "gap" });
    model.add(0);
  } else if (one.kind === "wrap") {
    store.wrapAt(one.columns);
    model.wrap(one.columns);
  } else {
    const number = store.first + Math.floor((store.end - store.first) * one.share);
    store.measure(number, one.rows);
    if (number < store.end) model.rows[number] = one.rows;
  }
}

describe("A store of lines", () => {
  test("keeps the newest within its bounds, and knows the rows of each, whatever happens to it", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const store = new LineStore({ entries: 3000, characters: 400_000 });
        const model = new Model();
        let gone = 0;
        for (const one of steps) {
          take(store, model, one);
          gone += store.takeDroppedRows();
        }
        expect(store.end).toBe(model.rows.length);
        expect(store.end - store.first).toBeLessThanOrEqual(3000);
        const kept = model.rows.slice(store.first);
        const total = kept.reduce((sum, rows) => sum + rows, 0);
        expect(store.rows).toBe(total);
        expect(gone === 0).toBe(store.first === 0);
        let row = 0;
        for (let number = store.first; number < store.end; number += 97) {
          row = kept.slice(0, number - store.first).reduce((sum, rows) => sum + rows, 0);
          expect(store.rowOf(number)).toBe(row);
          expect(store.entryAt(row)).toBe(number);
          expect(store.entryAt(row + (model.rows[number] ?? 1) - 1)).toBe(number);
        }
        expect(store.get(store.first - 1)).toBeUndefined();
        expect(store.get(store.end)).toBeUndefined();
      }),
      { numRuns: 60 },
    );
  });

  test("lets go of the oldest when a few lines are very long", () => {
    const store = new LineStore({ entries: 200_000, characters: 1_000_000 });
    for (let n = 0; n < 5000; n++) store.add("x".repeat(1000));
    expect(store.end - store.first).toBeLessThanOrEqual(2000);
    expect(store.droppedLines).toBe(store.first);
    expect(store.lines).toBe(5000);
  });
});

describe("A search", () => {
  test("finds what a look at every kept line finds, whenever it is asked and however often it is interrupted", () => {
    const word = fc.constantFrom("alpha", "beta", `al${esc}[31mpha`, "ALPHA beta", "");
    fc.assert(
      fc.property(fc.array(fc.tuple(word, fc.integer({ min: 1, max: 900 })), { maxLength: 12 }), (batches) => {
        const store = new LineStore({ entries: 2000, characters: 1_000_000 });
        const search = new Search(store);
        search.lookFor("alpha");
        for (const [line, count] of batches) {
          for (let i = 0; i < count; i++) store.add(line);
          search.goOn(() => true);
        }
        while (!search.goOn(() => true));
        const all: number[] = [];
        for (let number = store.first; number < store.end; number++) {
          if (/alpha/i.test(plainText(String(store.get(number))))) all.push(number);
        }
        expect(search.count).toBe(all.length);
        const stepped = all.map((_, at) => search.after(at === 0 ? store.first - 1 : (all[at - 1] ?? 0)));
        expect(stepped).toEqual(all);
        expect(search.before(all[0] ?? 0)).toBe(all.at(-1));
        expect(all.map((number) => search.ordinalOf(number))).toEqual(all.map((_, at) => at + 1));
      }),
      { numRuns: 60 },
    );
  });
});

test.each([
  [`${esc}[31mred${esc}[0m`, "red", ["ansi-red-fg"]],
  [`${esc}]0;a title\uFFFDshown`, "shown", []],
  [`a${esc}[2Kb${esc}[?25hc${esc}[>4;2md${esc}(Be${esc}7f`, "abcdef", []],
  [`cut${esc}[38;5`, "cut", []],
  [`${esc}[1;4;44mall`, "all", ["ansi-blue-bg", "ansi-bold", "ansi-underline"]],
])("Of escape sequences only colours are left: %j reads %s", (line, text, classes) => {
  expect(plainText(line)).toBe(text);
  expect(piecesOf(line)).toEqual([{ text, classes }]);
});

test("The parts of a line make the text of the line, whatever is in it", () => {
  const piece = fc.constantFrom(esc, "[31m", "[0m", "[", "m", "38;5;9", "]8;;x", "\\", "text", "é", "\uFFFD", "[2J");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (parts) => {
      const line = parts.join("");
      const pieces = piecesOf(line);
      expect(pieces.map(({ text }) => text).join("")).toBe(plainText(line));
      expect(plainText(line)).not.toContain(esc);
    }),
  );
});

test.each([
  ["plain", 5],
  ["a\tb", 9],
  ["短い", 4],
  ["é☃", 2],
])("%j is so many columns wide: %i", (text, columns) => {
  expect(columnsOf(text)).toBe(columns);
});
