import * as fs from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { diskFiles } from "../../src/logs/disk.ts";
import type { Files } from "../../src/logs/files.ts";
import { Scene } from "./scene.ts";

/** Has a link lead elsewhere, in one go. */
function relink(path: string, target: string): void {
  fs.symlinkSync(target, `${path}.tmp`);
  fs.renameSync(`${path}.tmp`, path);
}

describe("When a log is a link, a follower", () => {
  test("reads what its file was rotated to before the link leads elsewhere", async () => {
    await using scene = new Scene();
    const [one, two] = ["one.log", "two.log"].map((name) => join(scene.folder, name)) as [string, string];
    fs.writeFileSync(one, "a\n");
    relink(scene.path, one);
    const follower = await scene.follow();
    fs.writeFileSync(two, "c\n");
    fs.renameSync(one, `${one}.1`);
    fs.writeFileSync(one, "b\n");
    relink(scene.path, two);
    await follower.tick();
    expect(scene.news).toEqual(["a", "[replaced]", "b", "[replaced]", "c"]);
  });

  test("has the file that it opened when that was renamed a moment later", async () => {
    await using scene = new Scene();
    const [one, two] = ["one.log", "two.log"].map((name) => join(scene.folder, name)) as [string, string];
    fs.writeFileSync(one, "a\n");
    relink(scene.path, one);
    const open: Files["open"] = async (path, root) => {
      const file = await diskFiles.open(path, root);
      if (path === scene.path && fs.existsSync(two) && !fs.existsSync(`${two}.1`)) fs.renameSync(two, `${two}.1`);
      return file;
    };
    const follower = await scene.follow({ files: { open } });
    fs.writeFileSync(two, "b\n");
    relink(scene.path, two);
    await follower.tick();
    scene.create(two, "c\n");
    await follower.tick();
    expect(scene.news).toEqual(["a", "[replaced]", "b", "[renamed]", "c"]);
  });

  test("knows where the file lies that it opened when the link led elsewhere a moment later", async () => {
    await using scene = new Scene();
    const [one, two, three] = ["one", "two", "three"].map((name) => join(scene.folder, name)) as [
      string,
      string,
      string,
    ];
    fs.writeFileSync(one, "a\n");
    relink(scene.path, one);
    const open: Files["open"] = async (path, root) => {
      const file = await diskFiles.open(path, root);
      if (path === scene.path && fs.readlinkSync(path) === two) relink(path, three);
      return file;
    };
    const follower = await scene.follow({ files: { open } });
    fs.writeFileSync(three, "");
    scene.create(two, "b\n");
    relink(scene.path, two);
    await follower.tick();
    fs.renameSync(two, `${two}.1`);
    scene.create(two, "c\n");
    fs.appendFileSync(three, "d\n");
    await follower.tick();
    expect(scene.news).toEqual(["a", "[replaced]", "b", "[replaced]", "c", "[replaced]", "d"]);
  });
});

describe("When a file has two names", () => {
  const long = (n: number) => `line ${n} that has more than sixteen bytes\n`;

  test("each is a log of its own", async () => {
    await using one = new Scene();
    await using two = new Scene();
    one.create(one.path, "a\n");
    fs.linkSync(one.path, two.path);
    const followers = [await one.follow(), await two.follow()];
    const news = async () => {
      for (const follower of followers) await follower.tick();
      return [one.news, two.news];
    };
    fs.appendFileSync(two.path, "b\n");
    expect(await news()).toEqual([
      ["a", "b"],
      ["a", "b"],
    ]);
    fs.renameSync(one.path, `${one.path}.1`);
    one.create(one.path, "d\n");
    fs.appendFileSync(two.path, "c\n");
    expect(await news()).toEqual([["c", "[renamed]", "d"], ["c"]]);
    fs.truncateSync(two.path);
    fs.appendFileSync(two.path, "e\n");
    expect(await news()).toEqual([[], ["[truncated, lost: truncated]", "e"]]);
    fs.rmSync(`${one.path}.1`);
    fs.rmSync(one.path);
    fs.linkSync(two.path, one.path);
    expect(await news()).toEqual([["[replaced]", "e"], []]);
  });

  test("because it is rotated by a second name, no line comes twice", async () => {
    await using scene = new Scene();
    scene.create(scene.path, long(1));
    const follower = await scene.follow();
    const { place } = scene;
    fs.linkSync(scene.path, `${scene.path}.1`);
    fs.appendFileSync(scene.path, long(2));
    await follower.tick();
    const news = [long(1), long(2)].map((line) => line.trimEnd());
    expect(scene.news).toEqual(news);
    expect(await follower.after(place)).toMatchObject({ steps: [{ lines: news.slice(1) }], whole: true });
    fs.rmSync(scene.path);
    scene.create(scene.path, "b\n");
    await follower.tick();
    expect(scene.news).toEqual(["[renamed]", "b"]);
    expect(await follower.after(place)).toMatchObject({ steps: [{}, { rotated: "renamed" }, { lines: ["b"] }] });
  });
});
