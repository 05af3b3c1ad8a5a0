import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Piece, readRedacted } from "../../src/logs/download.ts";
import { Redaction } from "../../src/logs/redact.ts";

const secret = "hunter2hunter2";
const redaction = new Redaction([{ pattern: "(password=)\\S+", replace: "$1[redacted]" }]);

describe("a download", () => {
  let directory: string;
  let path: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "skein-download-"));
    path = join(directory, "a.log");
  });

  afterAll(() => rm(directory, { recursive: true, force: true }));

  async function read(from: number, length: number): Promise<Piece> {
    await using file = await open(path);
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, from);
    return {
      head: { generation: "g".repeat(15), from, to: from + bytesRead, size },
      bytes: buffer.subarray(0, bytesRead),
    };
  }

  async function download(rules = redaction, from = 0): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (let at = from; ; ) {
      const { head, bytes } = await readRedacted(read, rules, at);
      expect(head).toMatchObject({ from: at, to: at + bytes.length });
      pieces.push(bytes);
      at = head.to;
      if (at >= head.size) return Buffer.concat(pieces);
      expect(bytes.length).toBeGreaterThan(0);
    }
  }

  test("has the file's very bytes when there are no rules", async () => {
    const bytes = Buffer.concat([Buffer.alloc(600_000, "x\n"), Buffer.from([0, 0xff, 10, 0xfe])]);
    await writeFile(path, bytes);
    expect((await download(new Redaction([]))).equals(bytes)).toBe(true);
  });

  test("has everything but the secrets when there are, at the same offsets", async () => {
    const line = (i: number) => `${i} ${"text ".repeat(i % 40)}password=${i % 3 ? "short" : secret} after\n`;
    const text = Array.from({ length: 8000 }, (_, i) => line(i)).join("");
    await writeFile(path, text);
    expect((await download()).toString()).toBe(
      text.replaceAll(secret, "[redacted]****").replaceAll("password=short", "password=[reda"),
    );
  });

  test("hides a last line that has not ended, and has its length all the same", async () => {
    await writeFile(path, "whole\npassword=hun");
    expect((await download()).toString()).toBe("whole\n************");
  });

  test("shows no secret whatever the offset it begins at, nor one that lies across two pieces of a long line", async () => {
    const shape = fc.record({
      head: fc.integer({ min: 0, max: 2 ** 19 + 200 }),
      hasLineFeed: fc.boolean(),
      tail: fc.integer({ min: 0, max: 100_000 }),
      skip: fc.integer({ min: -40, max: 40 }),
    });
    const shows = fc.asyncProperty(shape, async ({ head, hasLineFeed, tail, skip }) => {
      const text = `${"x".repeat(head)}${hasLineFeed ? "\n" : " "}password=${secret} ${"y".repeat(tail)}\n${"last ".repeat(20)}\n`;
      await writeFile(path, text);
      const from = Math.max(0, head + skip);
      const shown = (await download(redaction, from)).toString("latin1");
      expect(shown).toHaveLength(text.length - from);
      expect(shown).not.toMatch(/hunter|unter2|nter2h|ter2hu|er2hun|r2hunt|2hunte/);
      expect(shown).toMatch(/last \n$/);
      const whole = (await download()).toString("latin1");
      expect(whole).not.toContain("hunt");
    });
    await fc.assert(shows, { numRuns: 60 });
  });
});
