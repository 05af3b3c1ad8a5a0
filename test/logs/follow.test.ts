import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { diskFiles } from "../../src/logs/disk.ts";
import type { OpenFile } from "../../src/logs/files.ts";
import { Scene } from "./scene.ts";

const long = (n: number) => `line ${n} that has more than sixteen bytes`;
const text = (...lines: readonly string[]) => lines.map((line) => `${line}\n`).join("");

describe("A follower gives", () => {
  test("what is appended, once its line has an end", async () => {
    await using scene = new Scene();
    fs.writeFileSync(scene.path, "a\nb");
    const follower = await scene.follow();
    expect(scene.news).toEqual(["a"]);
    fs.appendFileSync(scene.path, "c\nd\n");
    await follower.tick();
    expect(scene.news).toEqual(["bc", "d"]);
  });

  test("nothing of what was there before, when it begins at the end; but the whole of a line that was unfinished", async () => {
    await using scene = new Scene();
    fs.writeFileSync(scene.path, "a\nb");
    const follower = await scene.follow({ from: "end" });
    expect(follower.place?.offset).toBe(2);
    fs.appendFileSync(scene.path, "c\n");
    await follower.tick();
    expect(scene.news).toEqual(["bc"]);
  });

  test("an unfinished line as it is after half a second of silence", async () => {
    await using scene = new Scene();
    fs.writeFileSync(scene.path, "password: ");
    const follower = await scene.follow();
    scene.clock.pass(499);
    await follower.tick();
    expect(scene.news).toEqual([]);
    scene.clock.pass(1);
    await follower.tick();
    expect(scene.news).toEqual(["password: "]);
    fs.appendFileSync(scene.path, "\nnext\n");
    await follower.tick();
    expect(scene.news).toEqual(["next"]);
  });

  test("all of a file that comes into being later, without a word of a rotation", async () => {
    await using scene = new Scene();
    const follower = await scene.follow({ from: "end" });
    expect(follower.place).toBeUndefined();
    fs.writeFileSync(scene.path, "a\n");
    await follower.tick();
    expect(scene.news).toEqual(["a"]);
  });

  test("a file of many megabytes in steps of at most 64 KiB that connect", async () => {
    await using scene = new Scene();
    const lines = Array.from({ length: 60_000 }, (_, n) => long(n));
    fs.writeFileSync(scene.path, text(...lines));
    await scene.follow();
    expect(scene.news).toEqual(lines);
    for (const [i, step] of scene.steps.entries()) {
      expect(step.from).toBe(i === 0 ? 0 : (scene.steps[i - 1] as { to: number }).to);
    }
  });

  test("no step before the one before is taken", async () => {
    await using scene = new Scene();
    fs.writeFileSync(scene.path, text(...Array.from({ length: 6_000 }, (_, n) => long(n))));
    let isBusy = false;
    const taken: boolean[] = [];
    const { Follower } = await import("../../src/logs/follow.ts");
    const rules = { maxLineBytes: 65_536, flushPartialMs: 500, switchAfterMs: 300, lateMs: 5_000 };
    const emit = async () => {
      taken.push(isBusy);
      isBusy = true;
      await new Promise(setImmediate);
      isBusy = false;
    };
    const { path, folder: root, clock } = scene;
    const follower = new Follower({ path, root, clock, files: diskFiles, rules, from: "start", emit });
    await follower.start();
    await follower.tick();
    await follower.close();
    expect(taken.length).toBeGreaterThan(2);
    expect(taken).not.toContain(true);
  });
});

describe("A follower holds on to its file when the path", () => {
  test("leads to a folder or a FIFO for a while", async () => {
    await using scene = new Scene();
    fs.writeFileSync(scene.path, "a\n");
    const follower = await scene.follow();
    const away = join(scene.folder, "away");
    fs.renameSync(scene.path, away);
    const others = [() => fs.mkdirSync(scene.path), () => execFileSync("mkfifo", [scene.path])];
    for (const make of others) {
      make();
      fs.appendFileSync(away, "b\n");
      await follower.tick();
      fs.rmSync(scene.path, { recursive: true });
    }
    fs.renameSync(away, scene.path);
    fs.appendFileSync(scene.path, "c\n");
    await follower.tick();
    expect(scene.news).toEqual(["a", "b", "b", "c"]);
  });

  test("leads out of the root for a while", async () => {
    await using scene = new Scene();
    await using outside = new Scene();
    fs.writeFileSync(outside.path, "secret\n");
    fs.writeFileSync(join(scene.folder, "one"), "a\n");
    fs.symlinkSync("one", scene.path);
    const follower = await scene.follow();
    fs.rmSync(scene.path);
    fs.symlinkSync(outside.path, scene.path);
    await follower.tick();
    fs.rmSync(scene.path);
    fs.writeFileSync(join(scene.folder, "two"), "b\n");
    fs.symlinkSync("two", scene.path);
    await follower.tick();
    expect(scene.news).toEqual(["a", "[replaced]", "b"]);
    await expect(scene.follow({ path: join(scene.folder, "..", "nothing") })).resolves.toBeDefined();
    await expect(scene.follow({ path: outside.path })).rejects.toMatchObject({ code: "forbidden" });
  });

  test("is in a directory that is removed, or a file for a while, and then made again", async () => {
    await using scene = new Scene();
    const folder = join(scene.folder, "logs");
    const path = join(folder, "app.log");
    const begin = (content: string) => {
      fs.mkdirSync(folder);
      fs.writeFileSync(path, content);
    };
    begin("a\n");
    const follower = await scene.follow({ path });
    fs.rmSync(folder, { recursive: true });
    await follower.tick();
    begin("b\n");
    await follower.tick();
    expect(scene.news).toEqual(["a", "[replaced]", "b"]);
    fs.rmSync(folder, { recursive: true });
    fs.writeFileSync(folder, "");
    await follower.tick();
    fs.rmSync(folder);
    begin("c\n");
    await follower.tick();
    expect(scene.news).toEqual(["[replaced]", "c"]);
    fs.renameSync(folder, `${folder}.old`);
    fs.appendFileSync(join(`${folder}.old`, "app.log"), "d\n");
    begin("e\n");
    await follower.tick();
    expect(scene.news).toEqual(["d", "[renamed]", "e"]);
  });

  test("cannot be opened for want of descriptors, for a while", async () => {
    await using scene = new Scene();
    scene.create(scene.path, "a\n");
    let isFull = false;
    const trouble = () => Promise.reject(Object.assign(new Error("EMFILE"), { code: "EMFILE" }));
    const open = (path: string, root: string) => (isFull ? trouble() : diskFiles.open(path, root));
    const follower = await scene.follow({ files: { open } });
    isFull = true;
    fs.renameSync(scene.path, `${scene.path}.1`);
    scene.create(scene.path, "c\n");
    fs.appendFileSync(`${scene.path}.1`, "b\n");
    await follower.tick();
    expect(scene.news).toEqual(["a", "b"]);
    isFull = false;
    await follower.tick();
    expect(scene.news).toEqual(["[renamed]", "c"]);
  });

  test("cannot be looked at, or its file not be read, for a while", async () => {
    await using scene = new Scene();
    fs.writeFileSync(scene.path, "a\n");
    let isBroken = false;
    const trouble = () => Promise.reject(Object.assign(new Error("EIO"), { code: "EIO" }));
    const files = {
      stat: (path: string) => (isBroken ? trouble() : diskFiles.stat(path)),
      open: async (path: string, root: string): Promise<OpenFile | undefined> => {
        const file = await diskFiles.open(path, root);
        return (
          file && {
            stat: () => file.stat(),
            close: () => file.close(),
            read: (into, at) => (isBroken ? trouble() : file.read(into, at)),
          }
        );
      },
    };
    const follower = await scene.follow({ files });
    isBroken = true;
    fs.appendFileSync(scene.path, "b\n");
    await follower.tick();
    isBroken = false;
    await follower.tick();
    expect(scene.news).toEqual(["a", "b"]);
  });
});

test("A watch tells of a line by itself", async () => {
  await using scene = new Scene();
  fs.writeFileSync(scene.path, "");
  const { promise, resolve } = Promise.withResolvers<void>();
  await scene.follow({ files: { watch: (path, listener) => diskFiles.watch(path, () => [listener(), resolve()]) } });
  fs.appendFileSync(scene.path, "a\n");
  await promise;
  while (scene.steps.length === 0) await new Promise(setImmediate);
  expect(scene.news).toEqual(["a"]);
});
