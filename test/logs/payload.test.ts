import { describe, expect, test } from "vitest";
import { encodeBacklog, encodeReading, stepText } from "../../src/logs/payload.ts";
import type { LinesStep } from "../../src/protocol/log.ts";

const generation = "g".repeat(15);
const place = { generation, offset: 9_999, mark: "0000009" };

/** A step of so many ESC, each of which is six bytes in JSON. */
function step(from: number, count: number): LinesStep {
  return {
    lines: ["\u001b".repeat(count)],
    generation,
    from,
    to: from + 1,
    mark: `mark${String(from).padStart(3, "0")}`,
  };
}

describe("an answer", () => {
  test("has as many steps as fit, counted as they are sent, and says where they end", () => {
    const steps = [step(0, 60_000), step(1, 60_000), step(2, 60_000)];
    const bytes = encodeReading({ steps, place, whole: true });
    expect(bytes.length).toBeLessThan(768 * 1024);
    expect(JSON.parse(bytes.toString())).toEqual({
      steps: steps.slice(0, 2),
      place: { generation, offset: 2, mark: "mark001" },
      whole: false,
    });
  });

  test("is whole when everything fits", () => {
    const reading = { steps: [step(0, 1), step(1, 1)], place, whole: true };
    expect(JSON.parse(encodeReading(reading).toString())).toEqual(reading);
    expect(JSON.parse(encodeReading({ ...reading, steps: [], whole: false }).toString())).toEqual({
      steps: [],
      place,
      whole: false,
    });
  });

  test("has the newest lines that fit", () => {
    const lines = Array.from({ length: 20 }, (_, i) => `${i}${"\uFFFD".repeat(20_000)}`);
    const bytes = encodeBacklog({ lines, place });
    expect(bytes.length).toBeLessThan(768 * 1024);
    expect(JSON.parse(bytes.toString())).toEqual({ lines: lines.slice(-13), place });
  });
});

describe("a step", () => {
  test("that no message can hold keeps its place and loses its lines", () => {
    const { lines, ...rest } = step(0, 200_000);
    expect(JSON.parse(stepText({ ...rest, lines: [...lines, "more"] }))).toEqual({
      ...rest,
      lines: ["[2 lines withheld: too long for one message]"],
    });
  });
});
