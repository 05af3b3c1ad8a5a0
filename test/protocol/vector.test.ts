import fc from "fast-check";
import { expect, test } from "vitest";
import { type Cursor, formatCursor } from "../../src/protocol/cursor.ts";
import { parseVector, Vector } from "../../src/protocol/vector.ts";

const name = fc.oneof(fc.string({ maxLength: 40 }), fc.constantFrom("instances", "runs/r1", "runs/r2", "tasks\na"));
const cursor: fc.Arbitrary<Cursor> = fc.record({
  epoch: fc.constantFrom("3b7171d93602", "0z9rjstd03", "z"),
  position: fc.oneof(fc.nat(100), fc.maxSafeNat()),
  part: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 9999 })),
});

test("A vector gives back the newest cursor of every stream, in whatever order they moved", () => {
  const moves = fc.array(fc.tuple(name, cursor.map(formatCursor)), { minLength: 1, maxLength: 150 });
  fc.assert(
    fc.property(moves, (all) => {
      const vector = new Vector();
      let text = "";
      for (const [stream, place] of all) text = vector.move(stream, place);
      const found = parseVector(text);
      for (const [stream, place] of new Map(all)) expect(found(stream)).toBe(place);
      expect(found("a stream that never moved")).toBeUndefined();
      // It travels as a header, as a line of an event stream and in an address, and none of them may change it.
      expect(text).toMatch(/^[a-z0-9._-]+$/);
      expect(encodeURIComponent(text)).toBe(text);
    }),
  );
});

test("A vector in the making is a vector after every move", () => {
  const moves = fc.array(fc.tuple(fc.constantFrom("a", "b", "c"), cursor.map(formatCursor)), { maxLength: 20 });
  fc.assert(
    fc.property(moves, (all) => {
      const vector = new Vector();
      const known = new Map<string, string>();
      for (const [stream, place] of all) {
        known.set(stream, place);
        const found = parseVector(vector.move(stream, place));
        for (const one of ["a", "b", "c"]) expect(found(one)).toBe(known.get(one));
      }
    }),
  );
});

test("What is no cursor moves nothing", () => {
  const vector = new Vector();
  const before = vector.move("a", "e-1");
  expect(vector.move("a", "nonsense")).toBe(before);
  expect(parseVector(vector.move("b", "")).call(undefined, "a")).toBe("e-1");
});

test("What is no vector has no cursors, and no text makes it throw", () => {
  const broken = fc.oneof(
    fc.string(),
    fc.constantFrom("", "v1", "v2_e.0000000001", "e-1", "v1_", "v1_e", "v1_e.", "v1_E.aaaaaaaaa1", "v1_e.aaaaaaaaa1_"),
  );
  fc.assert(
    fc.property(broken, name, (text, stream) => {
      expect(parseVector(text)(stream)).toBeUndefined();
    }),
  );
});

test("128 streams of eight stores stand in less than 2 KiB", () => {
  const vector = new Vector();
  let text = "";
  for (let i = 0; i < 128; i++) text = vector.move(`runs/run-number-${i}`, `3b7171d9360${i % 8}-${1_000_000 + i}`);
  expect(text.length).toBeLessThan(2048);
});
