import fc from "fast-check";
import { expect, test } from "vitest";
import { formatCursor, isAfter, parseCursor } from "../../src/protocol/cursor.ts";

const place = fc.record({ position: fc.nat(), part: fc.nat(9999) });
const epoch = fc.stringMatching(/^[a-z0-9]{1,32}$/);

test("A cursor is read back as it was written", () => {
  fc.assert(
    fc.property(epoch, place, (name, { position, part }) => {
      const cursor = { epoch: name, position, part };
      expect(parseCursor(formatCursor(cursor))).toEqual(cursor);
    }),
  );
});

test("What was never a cursor of ours is told from one", () => {
  const isOurs = /^[a-z0-9]{1,32}-\d{1,16}(\.[1-9]\d{0,3})?$/;
  fc.assert(
    fc.property(fc.string(), (text) => {
      fc.pre(!isOurs.test(text));
      expect(parseCursor(text)).toBeUndefined();
    }),
  );
  for (const text of ["", "a-", "-1", "a-1.0", "a-1.", "A-1", "a-9007199254740993", "a-1 ", "a-1\n"]) {
    expect(parseCursor(text)).toBeUndefined();
  }
});

test("The parts of a message come before the whole of it and after the message before", () => {
  const order = [
    { position: 6, part: 0 },
    { position: 7, part: 1 },
    { position: 7, part: 2 },
    { position: 7, part: 0 },
    { position: 8, part: 1 },
  ];
  for (const [i, early] of order.entries()) {
    for (const [j, late] of order.entries()) expect(isAfter(late, early)).toBe(j > i);
  }
});
