import { mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Discovery } from "../../src/logs/discovery.ts";
import { LogPattern } from "../../src/logs/pattern.ts";
import { ManualClock } from "../support/clock.ts";

describe("discovery", () => {
  let directory: string;
  let clock: ManualClock;
  let listings: string[][];
  let troubles: string[];
  let discovery: Discovery | undefined;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "skein-discovery-"));
    clock = new ManualClock();
    listings = [];
    troubles = [];
  });

  afterEach(async () => {
    discovery?.close();
    await rm(directory, { recursive: true, force: true });
  });

  async function discover(pattern: string): Promise<Discovery> {
    discovery = new Discovery({
      pattern: new LogPattern(join(directory, pattern)),
      clock,
      found: (names) => listings.push([...names].sort()),
      report: (trouble) => troubles.push(trouble),
    });
    await discovery.start();
    return discovery;
  }

  /** Lets time pass, and waits for the look that was due in it. */
  async function pass(ms: number): Promise<void> {
    clock.pass(ms);
    await discovery?.look();
  }

  test("finds files and links of the pattern, and nothing else", async () => {
    for (const name of ["api.log", "web.log", "web.log.1", ".hidden.log", "a..b.log", "notes.txt"])
      await writeFile(join(directory, name), "");
    await mkdir(join(directory, "folder.log"));
    await symlink("/nowhere/at/all", join(directory, "link.log"));
    await discover("{name}.log");
    expect(listings).toEqual([["api", "link", "web"]]);
  });

  test("notices within a poll what came and what went", async () => {
    await discover("{name}.log");
    await writeFile(join(directory, "late.log"), "");
    await pass(250);
    expect(listings.at(-1)).toEqual(["late"]);
    await rename(join(directory, "late.log"), join(directory, "late.log.1"));
    await pass(250);
    expect(listings.at(-1)).toEqual([]);
  });

  test("lists a directory that has not changed every five seconds only", async () => {
    await utimes(directory, 1, 1);
    await discover("{name}.log");
    for (let i = 0; i < 19; i += 1) await pass(250);
    expect(listings).toHaveLength(1);
    await pass(250);
    expect(listings).toHaveLength(2);
  });

  test("finds logs that have a directory each, once there is a file in it", async () => {
    await mkdir(join(directory, "api"));
    await mkdir(join(directory, "web"));
    await writeFile(join(directory, "api", "current.log"), "");
    await writeFile(join(directory, "file"), "");
    await discover("{name}/current.log");
    expect(listings).toEqual([["api"]]);
    await writeFile(join(directory, "web", "current.log"), "");
    await pass(5_000);
    expect(listings.at(-1)).toEqual(["api", "web"]);
  });

  test("waits for a directory that is not there yet", async () => {
    await discover("later/{name}.log");
    expect(listings).toEqual([[]]);
    await mkdir(join(directory, "later"));
    await writeFile(join(directory, "later", "api.log"), "");
    await pass(250);
    expect(listings.at(-1)).toEqual(["api"]);
    expect(troubles).toEqual([]);
  });

  test("says once why a directory cannot be read", async () => {
    await symlink("loop", join(directory, "loop"));
    await discover("loop/{name}.log");
    await pass(250);
    expect(troubles).toEqual([expect.stringMatching(/^The logs cannot be looked for: ELOOP/)]);
    expect(listings).toEqual([]);
  });
});
