import { describe, expect, test } from "vitest";
import { Newest } from "../../src/streams/newest.ts";
import { sizeOf } from "../../src/streams/size.ts";

describe("What a fold remembers", () => {
  test("is bounded in number; the oldest are forgotten", () => {
    const newest = new Newest<number>();
    for (let n = 0; n < 10_100; n++) newest.set(`k${n}`, n);
    const values = [...newest.values()];
    expect([values.length, values[0], values.at(-1)]).toEqual([10_000, 100, 10_099]);
    expect(newest.has("k99")).toBe(false);
  });

  test("is bounded in size, and what is replaced or deleted counts no more", () => {
    const newest = new Newest<string>();
    for (let n = 0; n < 100; n++) newest.set("same", "x".repeat(1_000_000));
    for (let n = 0; n < 20; n++) newest.set(`k${n}`, "x".repeat(1_000_000));
    expect([...newest.entries()].map(([key]) => key)).toEqual(Array.from({ length: 8 }, (_, n) => `k${n + 12}`));
    newest.delete("k19");
    newest.set("small", "");
    expect(newest.get("k12")).toHaveLength(1_000_000);
  });
});

test("The size of a value is about that of its JSON", () => {
  const value = { tool: "bash", params: { command: "ls", list: ["a".repeat(100), 1, null, true] } };
  const { length } = JSON.stringify(value);
  expect(sizeOf(value)).toBeGreaterThanOrEqual(length);
  expect(sizeOf(value)).toBeLessThan(2 * length);
});
