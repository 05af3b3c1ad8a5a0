import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isDeeper, jsonIn, jsonInText, maybeJsonIn, objectIn } from "../../src/protocol/json.ts";
import { bodyDepthMax } from "../../src/protocol/limits.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

/** How deep arrays and objects of a value lie within each other. */
function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

describe("JSON from outside", () => {
  test("may be as deep as the limit, and no deeper", () => {
    expect(jsonIn(bytes(nested(bodyDepthMax)))).toEqual(expect.any(Array));
    for (const depth of [bodyDepthMax + 1, 10_000]) {
      expect(() => jsonIn(bytes(nested(depth)))).toThrow(
        `The body must not have more than ${bodyDepthMax} levels of arrays and objects`,
      );
    }
  });

  test("is called too deep exactly when it is, whatever its texts look like", () => {
    const values = fc.jsonValue({ depthSize: "large", maxDepth: 12 });
    fc.assert(
      fc.property(values, fc.integer({ min: 0, max: 12 }), (value, most) => {
        expect(isDeeper(JSON.stringify(value), most)).toBe(depthOf(value) > most);
      }),
      { seed: 1, numRuns: 2000 },
    );
    const text = '[{\\"[[{{\\\\';
    const tricky = JSON.stringify({ [text.repeat(100)]: [text.repeat(100), { a: text }] });
    expect([isDeeper(tricky, 3), isDeeper(tricky, 2)]).toEqual([false, true]);
  });

  test.each([
    ["that is no UTF-8", new Uint8Array([0x22, 0xff, 0x22])],
    ["that is no JSON", bytes("NaN")],
    ["that is cut", bytes("[[")],
    ["that is empty", bytes("")],
  ])("%s is refused by name", (_, body) => {
    expect(() => jsonIn(body, { fault: "bad_request", what: "The request" })).toThrow(
      expect.objectContaining({ code: "bad_request", message: "The request must be JSON in UTF-8" }),
    );
    expect(maybeJsonIn(body)).toBeUndefined();
  });

  test("is refused by its size before anything is made of it", () => {
    expect(() => jsonIn(bytes('"abc"'), { maxBytes: 4 })).toThrow(
      expect.objectContaining({ code: "invalid_body", message: "The body must not be larger than 4 bytes" }),
    );
    expect(jsonIn(bytes('"abc"'), { maxBytes: 5 })).toBe("abc");
  });

  test("keeps the digits of its numbers as an object, and must be one", () => {
    const text = '{"a":1e999,"b":123456789012345678901234567890,"c":-0.5,"d":9007199254740993}';
    expect(JSON.stringify(objectIn(bytes(text)))).toBe(text);
    for (const other of ["[]", "1e999", "null", '"{}"']) {
      expect(() => objectIn(bytes(other))).toThrow("The body must be a JSON object");
    }
  });

  test("of a WebSocket has the same limit", () => {
    expect(() => jsonInText(nested(65), { what: "A message" })).toThrow("A message must not have more than 64 levels");
  });
});
