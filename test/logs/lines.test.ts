import { describe, expect, test } from "vitest";
import { Lines } from "../../src/logs/lines.ts";

const most = 40;

interface Fixture {
  readonly bytes: Buffer;
  readonly lines: readonly string[];
  /** What is left without an end. */
  readonly rest?: string;
}

const utf8 = (text: string) => Buffer.from(text);

/** What a log may hold, and the lines in it. */
const fixtures: Readonly<Record<string, Fixture>> = {
  "plain lines": { bytes: utf8("one\ntwo\nthree\n"), lines: ["one", "two", "three"] },
  "blank lines": { bytes: utf8("\n\na\n\n"), lines: ["", "", "a", ""] },
  "an unfinished last line": { bytes: utf8("a\nbc"), lines: ["a"], rest: "bc" },
  "carriage returns before line feeds": { bytes: utf8("a\r\nb\r\r\nc\rd\n\r\n"), lines: ["a", "b\r", "c\rd", ""] },
  "characters of two, three and four bytes": { bytes: utf8("é\n€uro\n😀😀\n"), lines: ["é", "€uro", "😀😀"] },
  "bytes that are not UTF-8": {
    bytes: Buffer.concat([utf8("a"), Buffer.from([0xff, 0xfe]), utf8("b\nc"), Buffer.from([0xe2, 0x82]), utf8("\n")]),
    lines: ["a\ufffd\ufffdb", "c\ufffd"],
  },
  "a byte order mark": { bytes: utf8("\ufeffa\n\ufeffb\n"), lines: ["a", "\ufeffb"] },
  "a byte order mark alone": { bytes: utf8("\ufeff\na\n"), lines: ["", "a"] },
  "control characters": { bytes: utf8("a\0b\u0007c\td\u001b[31me\n"), lines: ["a\ufffdb\ufffdc\td\u001b[31me"] },
  "a hole of NULs at the start": { bytes: utf8(`${"\0".repeat(100)}a\nb\n`), lines: ["a", "b"] },
  "a line as long as may be": { bytes: utf8(`${"x".repeat(most)}\r\ny\n`), lines: ["x".repeat(most), "y"] },
  "a line one byte too long": { bytes: utf8(`${"x".repeat(most + 1)}\n`), lines: [`${"x".repeat(most)}…[+1 bytes]`] },
  "lines that are much too long": {
    bytes: utf8(`${"x".repeat(200)}\n${"y".repeat(300)}\nz\n`),
    lines: [`${"x".repeat(most)}…[+160 bytes]`, `${"y".repeat(most)}…[+260 bytes]`, "z"],
  },
  "a long line that is cut within a character": {
    bytes: utf8(`${"x".repeat(most - 1)}€€€€\n`),
    lines: [`${"x".repeat(most - 1)}…[+12 bytes]`],
  },
  "a long line behind a byte order mark": {
    bytes: utf8(`\ufeff${"x".repeat(most + 1)}\n`),
    lines: [`${"x".repeat(most)}…[+1 bytes]`],
  },
};

function split(pieces: readonly Buffer[]): { lines: string[]; rest: string | undefined; end: number } {
  const splitter = new Lines(most, { offset: 0, byteBefore: undefined });
  // What was pushed may be overwritten at once: it was only borrowed.
  const lines = pieces.flatMap((piece) => {
    const borrowed = Buffer.from(piece);
    const found = splitter.push(borrowed);
    borrowed.fill(0x21);
    return found;
  });
  const { end } = splitter;
  return { lines, rest: splitter.flush(true), end };
}

describe("However the bytes of a log are cut, its lines are the same", () => {
  test.for(Object.entries(fixtures))("%s", ([, { bytes, lines, rest }]) => {
    const expected = { lines, rest, end: bytes.lastIndexOf(0x0a) + 1 };
    expect(split([bytes])).toEqual(expected);
    expect(split([...bytes].map((byte) => Buffer.from([byte])))).toEqual(expected);
    for (let at = 0; at <= bytes.length; at += 1) {
      expect(split([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(expected);
    }
  });
});

describe("A line that is given away before its end", () => {
  test("goes on as the next line", () => {
    const lines = new Lines(most, { offset: 0, byteBefore: undefined });
    expect(lines.push(utf8("a\nhal"))).toEqual(["a"]);
    expect(lines.flush(false)).toBe("hal");
    expect(lines.end).toBe(5);
    expect(lines.push(utf8("f\nb\n"))).toEqual(["f", "b"]);
  });

  test("makes no empty line when only its end comes", () => {
    for (const end of ["\n", "\r\n"]) {
      const lines = new Lines(most, { offset: 0, byteBefore: undefined });
      lines.push(utf8("whole"));
      lines.flush(false);
      expect(lines.push(utf8(`${end}\nb\n`))).toEqual(["", "b"]);
      const later = new Lines(most, { offset: 5, byteBefore: 0x65 });
      expect(later.push(utf8(`${end}\nb\n`))).toEqual(["", "b"]);
    }
  });

  test("keeps the first bytes of a character that is not whole", () => {
    const lines = new Lines(most, { offset: 0, byteBefore: undefined });
    const euro = utf8("€");
    lines.push(Buffer.concat([utf8("a"), euro.subarray(0, 2)]));
    expect(lines.flush(false)).toBe("a");
    expect(lines.flush(false)).toBeUndefined();
    expect(lines.end).toBe(1);
    expect(lines.push(Buffer.concat([euro.subarray(2), utf8("\n")]))).toEqual(["€"]);
  });
});

test("A line without an end takes no more memory than a line may have", () => {
  const lines = new Lines(most, { offset: 0, byteBefore: undefined });
  const megabyte = Buffer.alloc(1024 * 1024, "x");
  for (let i = 0; i < 200; i += 1) expect(lines.push(megabyte)).toEqual([]);
  expect(lines.push(utf8("\n"))).toEqual([`${"x".repeat(most)}…[+${200 * 1024 * 1024 - most} bytes]`]);
});
