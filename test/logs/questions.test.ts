import * as fs from "node:fs";
import { describe, expect, test } from "vitest";
import type { Follower } from "../../src/logs/follow.ts";
import { endOf, type LogPlace, type LogStep } from "../../src/protocol/log.ts";
import { Scene, told } from "./scene.ts";

const long = (n: number) => `line ${n} that has more than sixteen bytes`;
const text = (...numbers: readonly number[]) => numbers.map((n) => `${long(n)}\n`).join("");

/** Everything after a place, however many answers that takes. */
async function linesAfter(follower: Follower, since: LogPlace | null, limitBytes?: number): Promise<string[]> {
  const steps: LogStep[] = [];
  for (let from = since; ; ) {
    const reading = await follower.after(from, undefined, limitBytes);
    if ("lost" in reading) return [...told(steps), "lost"];
    if (from && reading.steps[0]) expect(reading.steps[0].from).toBe(from.offset);
    steps.push(...reading.steps);
    from = reading.place;
    if (reading.whole) break;
  }
  expect(endOf(steps.at(-1) as LogStep)).toEqual(follower.place);
  return told(steps);
}

describe("After a place come", () => {
  test("the lines that were read since, over all rotations, also for one who has just begun to follow", async () => {
    await using scene = new Scene();
    scene.create(scene.path, text(1));
    const follower = await scene.follow();
    const { place } = scene;
    fs.appendFileSync(scene.path, text(2));
    fs.renameSync(scene.path, `${scene.path}.2`);
    scene.create(`${scene.path}.1`, text(3));
    scene.create(scene.path, text(4));
    await follower.tick();
    const fresh = await scene.follow({ from: "end" });
    const expected = [long(2), "[renamed]", long(3), "[renamed]", long(4)];
    for (const limitBytes of [undefined, 1_000, 1]) {
      expect(await linesAfter(follower, place, limitBytes)).toEqual(expected);
      expect(await linesAfter(fresh, place, limitBytes)).toEqual(expected);
    }
    expect(await linesAfter(fresh, null)).toEqual([long(4)]);
  });

  test("the rest that a truncation left in a copy, and that something may be missing", async () => {
    await using scene = new Scene();
    fs.writeFileSync(scene.path, text(1));
    const follower = await scene.follow();
    const { place } = scene;
    fs.appendFileSync(scene.path, text(2));
    fs.copyFileSync(scene.path, `${scene.path}.1`);
    fs.writeFileSync(scene.path, text(3));
    await follower.tick();
    const expected = [long(2), "[truncated, lost: truncated]", long(3)];
    expect(await linesAfter(follower, place)).toEqual(expected);
    expect(await linesAfter(await scene.follow({ from: "end" }), place)).toEqual(expected);
  });

  test("no lines when its file is not to be found, or is not the one it was", async () => {
    await using scene = new Scene();
    fs.writeFileSync(scene.path, text(1));
    const follower = await scene.follow();
    const { place } = scene;
    expect(await follower.after({ ...place, generation: "0".repeat(15) })).toEqual({ lost: true });
    expect(await follower.after({ ...place, mark: "1111111" })).toEqual({ lost: true });
    fs.rmSync(scene.path);
    fs.writeFileSync(scene.path, text(2));
    await follower.tick();
    expect(await follower.after(place)).toEqual({ lost: true });
  });

  test("a gap and the lines when fewer than 16 bytes are before it and nobody remembers the file's life", async () => {
    await using scene = new Scene();
    fs.writeFileSync(scene.path, "a\n");
    const follower = await scene.follow();
    const { place } = scene;
    fs.appendFileSync(scene.path, "b\n");
    await follower.tick();
    expect(await linesAfter(follower, place)).toEqual(["b"]);
    expect(await linesAfter(await scene.follow(), place)).toEqual(["[truncated, lost: truncated]", "b"]);
  });
});

describe("The newest lines before a place", () => {
  test("are as many as were asked for, or as there are", async () => {
    await using scene = new Scene();
    const numbers = Array.from({ length: 10_000 }, (_, n) => n);
    fs.writeFileSync(scene.path, `${text(...numbers)}\nhalf`);
    const follower = await scene.follow({ from: "end", rules: { flushPartialMs: 0 } });
    for (const count of [0, 1, 2, 5_000, 10_001, 20_000]) {
      const backlog = await follower.backlog(count, undefined, 10_000_000);
      const all = [...numbers.map(long), ""];
      expect(backlog).toEqual({ lines: count === 0 ? [] : all.slice(-count), place: follower.place });
    }
  });

  test("are the newest that fit", async () => {
    await using scene = new Scene();
    fs.writeFileSync(scene.path, text(1, 2, 3, 4, 5));
    const follower = await scene.follow({ from: "end" });
    expect(await follower.backlog(5, undefined, 100)).toMatchObject({ lines: [long(4), long(5)] });
  });

  test("are those of the file the place is in, wherever that is now", async () => {
    await using scene = new Scene();
    fs.writeFileSync(scene.path, text(1, 2));
    const follower = await scene.follow();
    const { place } = scene;
    fs.renameSync(scene.path, `${scene.path}.1`);
    fs.writeFileSync(scene.path, text(3));
    await follower.tick();
    expect(await follower.backlog(10, place)).toEqual({ lines: [long(1), long(2)], place });
    expect(await follower.backlog(10)).toMatchObject({ lines: [long(3)] });
    expect(await follower.backlog(10, { ...place, mark: "1111111" })).toEqual({ lost: true });
  });
});

describe("The bytes of a log", () => {
  test("are as they are in the file, and those of another life are refused", async () => {
    await using scene = new Scene();
    fs.writeFileSync(scene.path, "a\0\r\nhalf");
    const follower = await scene.follow();
    const { head, bytes } = await follower.bytes(undefined, 1, 5);
    expect(bytes.toString()).toBe("\0\r\nha");
    expect(head).toEqual({ generation: scene.place.generation, from: 1, to: 6, size: 8 });
    expect((await follower.bytes(head.generation, 6)).bytes.toString()).toBe("lf");
    expect((await follower.bytes(head.generation, 8)).bytes.length).toBe(0);
    fs.writeFileSync(scene.path, "b\n");
    await follower.tick();
    await expect(follower.bytes(head.generation, 6)).rejects.toMatchObject({ code: "conflict" });
  });

  test("of a file that was rotated away can be read to their end while it is open", async () => {
    await using scene = new Scene();
    fs.writeFileSync(scene.path, text(1));
    const follower = await scene.follow();
    const { head } = await follower.bytes(undefined, 0, 5);
    fs.renameSync(scene.path, `${scene.path}.1`);
    fs.writeFileSync(scene.path, text(2));
    await follower.tick();
    expect((await follower.bytes(head.generation, 5)).bytes.toString()).toBe(text(1).slice(5));
  });

  test("are none before there is a file", async () => {
    await using scene = new Scene();
    const follower = await scene.follow();
    await expect(follower.bytes(undefined, 0)).rejects.toMatchObject({ code: "instance_not_found" });
    expect(await follower.after(null)).toEqual({ lost: true });
  });
});
