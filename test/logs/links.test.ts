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
});
