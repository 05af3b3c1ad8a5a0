import * as fs from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { diskFiles } from "../../src/logs/disk.ts";
import type { Files } from "../../src/logs/files.ts";
import { buses } from "../support/buses.ts";
import { Scene } from "./scene.ts";
import { linesOf, Station } from "./station.ts";

const [[, openEmbedded]] = buses as unknown as [(typeof buses)[0]];

describe("A log is followed by polling alone", () => {
  let station: Station;

  beforeEach(async () => {
    station = await Station.open(openEmbedded);
  });

  afterEach(() => station[Symbol.asyncDispose]());

  const watches: [string, Files["watch"]][] = [
    ["the system has no watch left", () => false],
    ["its watch never says a word", () => () => {}],
  ];

  test.each(watches)("when %s", async (_why, watch) => {
    const path = station.path("api.log");
    fs.writeFileSync(path, "");
    await station.agent({ files: { watch } });
    const steps = station.steps("api");
    await station.log("api").follow("me");
    const written: string[] = [];
    const write = async (to: string, line: string) => {
      fs.appendFileSync(to, `${line}\n`);
      written.push(line);
      await steps.until((items) => linesOf(items).length === written.length);
    };
    await write(path, "one");
    fs.renameSync(path, `${path}.1`);
    await write(`${path}.1`, "two");
    await write(path, "three");
    fs.truncateSync(path);
    await write(path, "four");
    fs.rmSync(path);
    await write(path, "five");
    expect(linesOf(steps.items)).toEqual(written);
  });

  test("when its directory was removed and made again", async () => {
    const path = station.path("logs/api.log");
    const begin = (line: string) => {
      fs.mkdirSync(station.path("logs"));
      fs.writeFileSync(path, `${line}\n`);
    };
    begin("one");
    await station.agent({ pattern: "logs/{name}.log" });
    const steps = station.steps("api");
    await station.log("api").follow("me");
    fs.rmSync(station.path("logs"), { recursive: true });
    begin("two");
    await steps.until((items) => linesOf(items).length === 1);
    fs.appendFileSync(path, "three\n");
    await steps.until((items) => linesOf(items).length === 2);
    expect(linesOf(steps.items)).toEqual(["two", "three"]);
    expect(await station.log("api").backlog(5)).toMatchObject({ lines: ["two", "three"] });
  });
});

test("Logs that were written to more often than the system can tell are read to their end, and watched on", async () => {
  await using scene = new Scene();
  const paths = Array.from({ length: 64 }, (_, n) => join(scene.folder, `${n}.log`));
  for (const path of paths) fs.writeFileSync(path, "");
  const followers = await Promise.all(paths.map((path) => scene.follow({ path, files: { watch: diskFiles.watch } })));
  const numbers = paths.map((path) => fs.openSync(path, "a"));
  const lines = Array.from({ length: 20_000 }, (_, n) => `${n}`);
  // One after the other, so that no two that follow each other can be told as one; and nobody listens meanwhile.
  for (const [i, line] of lines.entries()) fs.writeSync(numbers[i % numbers.length] ?? 0, `${line}\n`);
  await Promise.all(followers.map((follower) => follower.tick()));
  const sorted = () => scene.news.sort((one, other) => Number(one) - Number(other));
  expect(sorted()).toEqual(lines);
  for (const number of numbers) {
    fs.writeSync(number, `${number}\n`);
    fs.closeSync(number);
  }
  const all = scene.steps.length + numbers.length;
  while (scene.steps.length < all) await new Promise(setImmediate);
  expect(sorted()).toEqual(numbers.map(String).sort((one, other) => Number(one) - Number(other)));
});
