import { appendFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { RemoteLog } from "../../src/hub/remote-log.ts";
import { logSubjects } from "../../src/protocol/log.ts";
import { encodeToken } from "../../src/protocol/subject.ts";
import { buses } from "../support/buses.ts";
import { linesOf, org, Station } from "./station.ts";

const utf8 = new TextEncoder();

describe.each(buses)("a logs agent on %s", (_name, openBus) => {
  let station: Station;

  beforeEach(async () => {
    station = await Station.open(openBus);
  });

  afterEach(() => station[Symbol.asyncDispose]());

  function ask(name: string, body: string): Promise<Uint8Array> {
    const { requests } = logSubjects(org, encodeToken(name));
    return station.bus.request(requests, utf8.encode(body), 5_000);
  }

  test("says that it is there, and then each log that appears", async () => {
    await writeFile(station.path("api.log"), "old\n");
    const news = station.news();
    const agent = await station.agent();
    expect(agent.size).toBe(1);
    await news.until((items) => items.length === 1);
    await writeFile(station.path("web.log"), "");
    expect(await news.until((items) => items.length === 2)).toEqual([{}, { appeared: "web" }]);
    expect(await station.log("web").follow("me")).toMatchObject({ offset: 0 });
  });

  test("knows nothing of a log whose file nobody has, and forgets one whose file went", async () => {
    await writeFile(station.path("api.log"), "");
    const agent = await station.agent();
    await expect(station.log("web").follow("me")).rejects.toMatchObject({ code: "no_responder" });
    await rm(station.path("api.log"));
    const news = station.news();
    await writeFile(station.path("sign.log"), "");
    await news.until((items) => items.length === 1);
    expect(agent.size).toBe(1);
    await expect(station.log("api").follow("me")).rejects.toMatchObject({ code: "no_responder" });
  });

  test("publishes what comes for those who follow, from the place it told them", async () => {
    await writeFile(station.path("api.log"), "one\ntwo\n");
    await station.agent();
    const steps = station.steps("api");
    const place = await station.log("api").follow("me");
    expect(place).toMatchObject({ offset: 8 });
    await appendFile(station.path("api.log"), "three\nfour\n");
    const heard = await steps.until((items) => linesOf(items).length === 2);
    expect(linesOf(heard)).toEqual(["three", "four"]);
    expect(heard[0]).toMatchObject({ generation: place?.generation, from: 8 });
  });

  test("gives the newest lines, the lines since a place, and the bytes", async () => {
    await writeFile(station.path("api.log"), "one\ntwo\nthree\n");
    await station.agent();
    const log = station.log("api");
    const place = await log.follow("me");
    expect(await log.backlog(2)).toEqual({ lines: ["two", "three"], place });
    const all = await log.after(null);
    expect(all).toMatchObject({ place, whole: true });
    expect("steps" in all && linesOf(all.steps)).toEqual(["one", "two", "three"]);
    const { head, bytes } = await log.bytes(4);
    expect(head).toMatchObject({ from: 4, to: 14, size: 14, generation: place?.generation });
    expect(Buffer.from(bytes).toString()).toBe("two\nthree\n");
    await expect(log.bytes(0, "z".repeat(15))).rejects.toMatchObject({ code: "conflict" });
  });

  test("tells the end of a file that is rotated, and the start of the next", async () => {
    const path = station.path("api.log");
    await writeFile(path, "one\n");
    await station.agent();
    const steps = station.steps("api");
    await station.log("api").follow("me");
    await rename(path, `${path}.1`);
    await writeFile(path, "two\n");
    const heard = await steps.until((items) => linesOf(items).includes("two"));
    expect(heard.map((step) => ("rotated" in step ? step.rotated : step.lines))).toEqual(["renamed", ["two"]]);
  });

  test.each([
    ["nonsense", /must be JSON/],
    ["[]", /^request: /],
    ['{"op":"shout"}', /^op: /],
    ['{"op":"follow"}', /^by: /],
    ['{"op":"after"}', /^since: /],
    [
      '{"op":"after","since":{"generation":"x","offset":0,"mark":"0000000"}}',
      /^since\.generation: expected a generation/,
    ],
    ['{"op":"backlog","lines":-1}', /^lines: /],
    ['{"op":"bytes","from":1.5}', /^from: /],
  ])("refuses the request %j and says which field is wrong", async (body, words) => {
    await writeFile(station.path("api.log"), "");
    await station.agent();
    await expect(ask("api", body)).rejects.toMatchObject({
      code: "bad_request",
      message: expect.stringMatching(words),
    });
  });

  test("reads nothing of a file that a link outside of the root leads to", async () => {
    await symlink("/etc/passwd", station.path("evil.log"));
    await station.agent();
    const log = station.log("evil");
    const steps = station.steps("evil");
    const asked: ((log: RemoteLog) => Promise<unknown>)[] = [
      (one) => one.follow("me"),
      (one) => one.after(null),
      (one) => one.backlog(10),
      (one) => one.bytes(0),
    ];
    for (const ask of asked) await expect(ask(log)).rejects.toMatchObject({ code: "forbidden" });
    expect(steps.items).toEqual([]);
  });

  test("has nothing to say of a file that vanished just now, but follows it until it comes back", async () => {
    const path = station.path("api.log");
    await writeFile(path, "one\n");
    await station.agent();
    await rm(path);
    const log = station.log("api");
    expect(await log.follow("me")).toBeNull();
    for (const asked of [log.after(null), log.backlog(1), log.bytes(0)])
      await expect(asked).rejects.toMatchObject({ code: "instance_not_found" });
    const steps = station.steps("api");
    await writeFile(path, "again\n");
    expect(linesOf(await steps.until((items) => items.length > 0))).toEqual(["again"]);
  });

  test("shares a bus with another one that has other logs", async () => {
    await Promise.all(["left-api", "right-web"].map((name) => writeFile(station.path(`${name}.log`), `${name}\n`)));
    await station.agent({ pattern: "left-{name}.log" });
    await station.agent({ pattern: "right-{name}.log" });
    expect(await station.log("api").backlog(1)).toMatchObject({ lines: ["left-api"] });
    expect(await station.log("web").backlog(1)).toMatchObject({ lines: ["right-web"] });
  });
});
