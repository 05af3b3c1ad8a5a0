import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeToken, encodeToken, matches, splitSubject, subjectOf } from "../../src/protocol/subject.ts";

const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }).filter((text) => text.isWellFormed());

test("Any name becomes one token that carries nothing of NATS's own, and back", () => {
  fc.assert(
    fc.property(name, (text) => {
      const token = encodeToken(text);
      expect(token).toMatch(/^[A-Za-z0-9_%-]+$/);
      expect(decodeToken(token)).toBe(text);
    }),
  );
});

test.each(["", "x".repeat(129), "é".repeat(65)])("A name that is empty or too long is refused", (text) => {
  expect(() => encodeToken(text)).toThrow(/must not be/);
});

test.each(["%41", "%e9", "%zz", "%", "a b", "é", "*", "a.b"])(
  "The token %s, which no name is written as, is no name",
  (token) => {
    expect(decodeToken(token)).toBeUndefined();
  },
);

test("A subject is taken apart into the org and the tail that made it", () => {
  fc.assert(
    fc.property(name, (org) => {
      expect(splitSubject(subjectOf(org, "runs.r1"))).toEqual({ org, tail: "runs.r1" });
    }),
  );
  expect(splitSubject("other.acme.runs.r1")).toBeUndefined();
  expect(splitSubject("skein.acme")).toBeUndefined();
});

test.each([
  ["a.*", "a.b", true],
  ["a.*", "a.b.c", false],
  ["a.>", "a.b.c", true],
  ["a.>", "a", false],
  ["*.b", "a.b", true],
  ["a.b", "a.b", true],
  ["a.b", "a", false],
])("%s against %s is %s", (pattern, subject, isMatch) => {
  expect(matches(pattern, subject)).toBe(isMatch);
});
