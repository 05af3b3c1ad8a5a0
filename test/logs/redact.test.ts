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
