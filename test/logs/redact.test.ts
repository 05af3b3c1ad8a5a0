import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Redaction } from "../../src/logs/redact.ts";

const token = { pattern: "(?i)(token=)\\S+", replace: "$1[hidden]" };

describe("redaction", () => {
  test("replaces what its rules match, one rule after the other", () => {
    const redaction = new Redaction([token, { pattern: "AKIA[0-9A-Z]{16}" }]);
    expect(redaction.line("TOKEN=abc and token=def, AKIA0123456789ABCDEF.")).toBe(
      "TOKEN=[hidden] and token=[hidden] [redacted].",
    );
    expect(redaction.line("nothing here")).toBe("nothing here");
  });

  test("shows a dollar sign for two of them, and nothing for a group that took no part", () => {
    expect(new Redaction([{ pattern: "(a)|b", replace: "$$<$1>" }]).line("ab")).toBe("$<a>$<>");
  });

  test("lets a line through untouched when there are no rules", () => {
    const none = new Redaction([]);
    expect(none.isActive).toBe(false);
    expect(none.line("token=abc")).toBe("token=abc");
  });

  test.each([
    [{ pattern: "(a" }, /"\(a" cannot be used: .*missing closing \)/],
    [{ pattern: "(?=a)a" }, /cannot be used/],
    [{ pattern: "a*" }, /matches the empty text/],
    [{ pattern: "(a)", replace: "$2" }, /has no group 2/],
  ])("refuses the rule %j in words", (rule, words) => {
    expect(() => new Redaction([rule])).toThrow(words);
  });

  test("takes linear time where others would take for ever", () => {
    const redaction = new Redaction([{ pattern: "(x+x+)+y" }, { pattern: "(a|aa)+$" }]);
    const before = performance.now();
    redaction.line("x".repeat(65_536));
    redaction.line(`${"a".repeat(65_536)}!`);
    expect(performance.now() - before).toBeLessThan(2_000);
  });

  test("withholds a line that it would make too long", () => {
    const redaction = new Redaction([{ pattern: "x", replace: "0123456789" }]);
    expect(redaction.line("x".repeat(65_536))).toBe("[line withheld: too long after its redaction]");
  });

  test("shows no half of a secret where a line was cut", () => {
    const redaction = new Redaction([{ pattern: "AKIA[0-9A-Z]{16}" }]);
    const text = `${"x".repeat(1000)}AKIA0123456789ABCDEF `;
    expect(redaction.line(`${text.repeat(3)}AKIA01234567…[+9000 bytes]`)).toBe(
      `${`${"x".repeat(1000)}[redacted] `.repeat(3).slice(0, 12 - 256)}…[+9000 bytes]`,
    );
    expect(redaction.line("AKIA01234567…[+9000 bytes]")).toBe("…[+9000 bytes]");
    expect(new Redaction([]).line("some…[+3 bytes]")).toBe("some…[+3 bytes]");
  });

  test("overwrites bytes where they are", () => {
    const redaction = new Redaction([token]);
    const bytes = Buffer.concat([
      Buffer.from("ä token=abcdefghijkl ü\n"),
      Buffer.from([0xff, 0xfe]),
      Buffer.from(" token=abc é\r\nlast token=abcdefgh"),
    ]);
    const before = bytes.length;
    redaction.overwrite(bytes);
    expect(bytes).toHaveLength(before);
    expect(bytes.subarray(25, 27)).toEqual(Buffer.from([0xff, 0xfe]));
    expect(bytes.toString()).toBe("ä token=[hidden]**** ü\n\uFFFD\uFFFD token=[hi é\r\nlast token=[hidden]");
  });

  test("hides the same in bytes as in lines", () => {
    const redaction = new Redaction([token, { pattern: "hidden" }]);
    const bytes = Buffer.from("token=abcdefghijkl\n");
    redaction.overwrite(bytes);
    expect(bytes.toString()).toBe("token=[[redac]****\n");
    expect(redaction.line("token=abcdefghijkl")).toBe("token=[[redacted]]");
  });
});

describe("colour codes", () => {
  const key = "AKIA0123456789ABCDEF";
  const rules = [{ pattern: "AKIA[0-9A-Z]{16}", replace: "[key]" }, token];
  const redaction = new Redaction(rules);
  const code = fc.constantFrom(
    "\x1b[31m",
    "\x1b[0m",
    "\x1b[m",
    "\x1b[1;38;2;1;2;3m",
    "\x1b[K",
    "\x1b(B",
    "\x1b[38:5:9m",
  );
  const word = fc.stringMatching(/^[a-zé ü-]{0,12}$/);
  /** A text with codes anywhere in it. */
  const coloured = (text: string) =>
    fc
      .array(fc.tuple(fc.nat(text.length), code), { maxLength: 8 })
      .map((codes) => codes.sort(([one], [other]) => other - one))
      .map((codes) => codes.reduce((said, [at, one]) => said.slice(0, at) + one + said.slice(at), text));
  const line = fc
    .tuple(word, word, word)
    .chain(([a, b, c]) => coloured(`${a} ${key}${b ? ` ${b}` : ""} token=hush${key} ${c}`));
  const esc = String.fromCharCode(27);
  const anyCode = new RegExp(`${esc}(?:\\[[0-9:;]*[mK]|\\(B)`, "g");
  const codesIn = (text: string) => text.match(anyCode) ?? [];
  const plain = (text: string) => text.replaceAll(anyCode, "");

  test.each([
    [`\x1b[32m${key}\x1b[0m ok`, "\x1b[32m[key]\x1b[0m ok"],
    ["AKIA\x1b[31m0123456789\x1b[0mABCDEF ok", "[key]\x1b[31m\x1b[0m ok"],
    ["\x1b[1mtoken\x1b[0m=\x1b[33mabc\x1b[0m next", "\x1b[1mtoken=[hidden]\x1b[0m\x1b[33m\x1b[0m next"],
    ["\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"],
    ["half a code \x1b[3", "half a code \x1b[3"],
  ])("in %j are looked through, and kept", (said, shown) => {
    expect(redaction.line(said)).toBe(shown);
    expect(plain(redaction.line(said))).toBe(redaction.line(plain(said)));
  });

  test("change nothing in what is hidden, and none is lost", () => {
    fc.assert(
      fc.property(line, (said) => {
        const shown = redaction.line(said);
        expect(plain(shown)).toBe(redaction.line(plain(said)));
        expect(plain(shown)).not.toContain(key);
        expect(codesIn(shown)).toEqual(codesIn(said));
      }),
      { numRuns: 2_000 },
    );
  });

  test("change nothing in bytes either, which stay where they are", () => {
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 3 }), (lines) => {
        const bytes = Buffer.from(lines.join("\n"));
        const same = Buffer.from(plain(lines.join("\n")));
        const { length } = bytes;
        redaction.overwrite(bytes);
        redaction.overwrite(same);
        expect(bytes).toHaveLength(length);
        expect(plain(bytes.toString())).toBe(same.toString());
        expect(codesIn(bytes.toString())).toEqual(codesIn(lines.join("\n")));
      }),
      { numRuns: 1_000 },
    );
  });

  test("are seen by a rule that names them", () => {
    const painted = new Redaction([{ pattern: "\\x1b\\[31m[a-z]+", replace: "[red]" }]);
    expect(painted.line("a \x1b[31mred\x1b[0m b")).toBe("a [red]\x1b[0m b");
  });

  test("do not count where a line was cut", () => {
    const half = [...key.slice(0, 19)].map((one) => `${one}\x1b[38;2;100;200;100m`).join("");
    expect(half.length).toBeGreaterThan(256);
    expect(plain(redaction.line(`${"x".repeat(300)}${half}…[+9000 bytes]`))).not.toContain("AKIA");
  });
});
