import * as fs from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { diskFiles } from "../../src/logs/disk.ts";
import type { FileStat, Files } from "../../src/logs/files.ts";
import { Scene } from "./scene.ts";

const long = (n: number) => `line ${n} that has more than sixteen bytes`;
const text = (...lines: readonly string[]) => lines.map((line) => `${line}\n`).join("");

describe("When a log is renamed, a follower", () => {
  test("reads the old file until the new one has a byte, and then the new one", async () => {
    await using scene = new Scene();
    fs.writeFileSync(scene.path, "a\n");
    const follower = await scene.follow();
    fs.renameSync(scene.path, `${scene.path}.1`);
    fs.writeFileSync(scene.path, "");
    fs.appendFileSync(`${scene.path}.1`, "late\nhalf");
    await follower.tick();
    expect(scene.news).toEqual(["a", "late"]);
    expect(follower.isRestless).toBe(true);
    fs.appendFileSync(scene.path, "b\n");
    await follower.tick();
    expect(scene.news).toEqual(["half", "[renamed]", "b"]);
  });

  test("goes on in an empty new file after 300 ms, and reads the old one for five seconds more", async () => {
    await using scene = new Scene();
    fs.writeFileSync(scene.path, "a\n");
    const follower = await scene.follow();
    fs.renameSync(scene.path, `${scene.path}.1`);
    fs.writeFileSync(scene.path, "");
    await follower.tick();
    scene.clock.pass(300);
    await follower.tick();
    expect(scene.news).toEqual(["a", "[renamed]"]);
    fs.appendFileSync(`${scene.path}.1`, "late\n");
    await follower.tick();
    expect(scene.news).toEqual(["late"]);
    expect(follower.place?.offset).toBe(0);
    scene.clock.pass(5_000);
    fs.appendFileSync(`${scene.path}.1`, "just in time\n");
    await follower.tick();
    fs.appendFileSync(`${scene.path}.1`, "too late\n");
    await follower.tick();
    expect(scene.news).toEqual(["just in time"]);
  });

  test("follows the old file while nothing has the name", async () => {
    await using scene = new Scene();
    fs.writeFileSync(scene.path, "a\n");
    const follower = await scene.follow();
    fs.renameSync(scene.path, `${scene.path}-20260101`);
    fs.appendFileSync(`${scene.path}-20260101`, "b\n");
    await follower.tick();
    expect(scene.news).toEqual(["a", "b"]);
    fs.writeFileSync(scene.path, "c\n");
    await follower.tick();
    expect(scene.news).toEqual(["[renamed]", "c"]);
  });

  test.for(["{path}.{n}", "{path}-2026010{m}", "{path}.2026-01-0{m}", "{path}-20260101-170000000{m}"])(
    "several times between two looks, reads every file in between, named %s",
    async (pattern) => {
      await using scene = new Scene();
      scene.create(scene.path, "a\n");
      const follower = await scene.follow();
      const name = (n: number) =>
        pattern
          .replace("{path}", scene.path)
          .replace("{n}", String(n))
          .replace("{m}", String(9 - n));
      fs.renameSync(scene.path, name(3));
      fs.appendFileSync(name(3), "b\n");
      for (const n of [2, 1]) scene.create(name(n), `missed ${n}\n`);
      fs.writeFileSync(`${scene.path}.4.gz`, "not text\n");
      fs.writeFileSync(`${scene.path}.1.tmp`, "not whole\n");
      scene.create(scene.path, "c\n");
      await follower.tick();
      expect(scene.news).toEqual(["a", "b", "[renamed]", "missed 2", "[renamed]", "missed 1", "[renamed]", "c"]);
    },
  );

  test("twice within a tick of the file system's clock, reads what a late writer puts into the file in between", async () => {
    await using scene = new Scene();
    scene.create(scene.path, "a\n");
    const { birthtimeNs } = fs.statSync(scene.path, { bigint: true });
    const coarse = (stat: FileStat) => ({
      ...stat,
      birthNs: stat.birthNs > birthtimeNs ? birthtimeNs + 1n : birthtimeNs,
    });
    const stat: Files["stat"] = async (path) => {
      const found = await diskFiles.stat(path);
      return found && coarse(found);
    };
    const open: Files["open"] = async (path, root) => {
      const file = await diskFiles.open(path, root);
      return (
        file && { read: file.read.bind(file), close: () => file.close(), stat: async () => coarse(await file.stat()) }
      );
    };
    const follower = await scene.follow({ files: { stat, open } });
    fs.renameSync(scene.path, `${scene.path}.2`);
    scene.create(`${scene.path}.1`, "");
    scene.create(scene.path, "c\n");
    await follower.tick();
    fs.appendFileSync(`${scene.path}.1`, "b\n");
    await follower.tick();
    expect(scene.news).toEqual(["a", "[renamed]", "[renamed, lost: truncated]", "c", "b"]);
  });

  test("to another folder, or deletes it, goes on all the same", async () => {
    await using scene = new Scene();
    fs.writeFileSync(scene.path, "a\n");
    const follower = await scene.follow();
    fs.mkdirSync(join(scene.folder, "old"));
    fs.renameSync(scene.path, join(scene.folder, "old", "app.log"));
    fs.appendFileSync(join(scene.folder, "old", "app.log"), "b\n");
    fs.writeFileSync(scene.path, "c\n");
    await follower.tick();
    fs.rmSync(scene.path);
    await follower.tick();
    fs.writeFileSync(scene.path, "d\n");
    await follower.tick();
    expect(scene.news).toEqual(["a", "b", "[renamed]", "c", "[replaced]", "d"]);
  });

  test("and its file is deleted among others, says that some may be lost", async () => {
    await using scene = new Scene();
    scene.create(scene.path, "a\n");
    const follower = await scene.follow();
    fs.rmSync(scene.path);
    scene.create(`${scene.path}.1`, "b\n");
    scene.create(scene.path, "c\n");
    await follower.tick();
    expect(scene.news).toEqual(["a", "[replaced, lost: deleted]", "b", "[replaced, lost: deleted]", "c"]);
  });

  test("replaced in one go, reads the new file from its start", async () => {
    await using scene = new Scene();
    fs.writeFileSync(scene.path, "a\n");
    const follower = await scene.follow();
    fs.writeFileSync(join(scene.folder, "other"), "b\n");
    fs.renameSync(join(scene.folder, "other"), scene.path);
    await follower.tick();
    expect(scene.news).toEqual(["a", "[replaced]", "b"]);
  });
});

describe("When a log is truncated, a follower", () => {
  test.for([
    ["to fewer bytes", "b\n"],
    ["and has grown beyond where it was", text(long(7), long(8), long(9))],
    ["and has as many bytes as before", text(long(2))],
  ] as const)("%s, begins at its start", async ([, after]) => {
    await using scene = new Scene();
    fs.writeFileSync(scene.path, text(long(1)));
    const follower = await scene.follow();
    fs.writeFileSync(scene.path, after);
    await follower.tick();
    expect(scene.news).toEqual([long(1), "[truncated, lost: truncated]", ...after.trimEnd().split("\n")]);
  });

  test("takes what it had not read from the copy, and what was copied before that whole", async () => {
    await using scene = new Scene();
    fs.writeFileSync(scene.path, text(long(1)));
    const follower = await scene.follow();
    fs.appendFileSync(scene.path, `${long(2)}\nhalf`);
    fs.copyFileSync(scene.path, `${scene.path}.2`);
    fs.writeFileSync(scene.path, text(long(3)));
    fs.copyFileSync(scene.path, `${scene.path}.1`);
    fs.writeFileSync(scene.path, "b\n");
    await follower.tick();
    const gap = "[truncated, lost: truncated]";
    expect(scene.news).toEqual([long(1), long(2), "half", gap, long(3), gap, "b"]);
  });

  test("skips the hole that a writer leaves that goes on where it was", async () => {
    await using scene = new Scene();
    const file = fs.openSync(scene.path, "w");
    fs.writeSync(file, text(long(1)));
    const follower = await scene.follow();
    fs.truncateSync(scene.path);
    fs.writeSync(file, "b\n");
    await follower.tick();
    fs.closeSync(file);
    expect(scene.news).toEqual([long(1), "[truncated, lost: truncated]", "b"]);
  });

  test("before anything was in it, says nothing", async () => {
    await using scene = new Scene();
    fs.writeFileSync(scene.path, "");
    const follower = await scene.follow();
    fs.truncateSync(scene.path);
    await follower.tick();
    fs.writeFileSync(scene.path, "a\n");
    await follower.tick();
    expect(scene.news).toEqual(["a"]);
  });
});
