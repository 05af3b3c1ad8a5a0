import { linkSync } from "node:fs";
import { appendFile, mkdir, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { LogsAgent } from "../../src/logs/agent.ts";
import { beginsAt, endOf, type LogPlace, type LogStep } from "../../src/protocol/log.ts";
import { buses } from "../support/buses.ts";
import { ManualClock } from "../support/clock.ts";
import { type AgentOptions, heldBelow, linesOf, Station } from "./station.ts";

const [[, openEmbedded]] = buses as unknown as [(typeof buses)[0]];

describe("following a log", () => {
  let station: Station;
  let clock: ManualClock;

  beforeEach(async () => {
    station = await Station.open(openEmbedded);
    clock = new ManualClock();
    await writeFile(station.path("api.log"), "one\n");
  });

  afterEach(() => station[Symbol.asyncDispose]());

  function start(options: AgentOptions = {}): Promise<LogsAgent> {
    return station.agent({ clock, ...options });
  }

  /** Settles when nothing below the station's directory is held any more. */
  async function allGiven(): Promise<void> {
    while ((await heldBelow(station.directory)) > 0) await new Promise(setImmediate);
  }

  test("ends half a minute after the last one asked for it, and then nothing is held", async () => {
    await start();
    const log = station.log("api");
    await Promise.all([log.follow("me"), log.follow("you"), log.backlog(5)]);
    // How much it is at a moment depends on what is being looked at; that it is not nothing is what counts.
    expect(await heldBelow(station.directory)).toBeGreaterThan(0);
    clock.pass(20_000);
    await log.follow("me");
    expect(await heldBelow(station.directory)).toBeGreaterThan(0);
    clock.pass(29_000);
    expect(await heldBelow(station.directory)).toBeGreaterThan(0);
    clock.pass(2_000);
    await allGiven();
  });

  test("ends when all have left", async () => {
    await start();
    const log = station.log("api");
    await Promise.all([log.follow("me"), log.follow("you")]);
    await log.leave("me");
    clock.pass(6_000);
    expect(await heldBelow(station.directory)).toBeGreaterThan(0);
    await log.leave("you");
    clock.pass(1_000);
    await allGiven();
    await log.leave("you");
    expect(await heldBelow(station.directory)).toBe(0);
  });

  test("is not needed for a question, whose file stays open for five seconds", async () => {
    await start();
    expect(await station.log("api").backlog(1)).toMatchObject({ lines: ["one"] });
    clock.pass(4_000);
    expect(await heldBelow(station.directory)).toBeGreaterThan(0);
    clock.pass(2_000);
    await allGiven();
  });

  test("ends when the agent is closed", async () => {
    const agent = await start();
    await station.log("api").follow("me");
    await agent.close();
    expect(await heldBelow(station.directory)).toBe(0);
    await expect(station.log("api").follow("me")).rejects.toMatchObject({ code: "no_responder" });
  });

  test("is refused beyond the limit, which is named", async () => {
    await writeFile(station.path("web.log"), "two\n");
    await start({ limits: { maxFollowed: 1 } });
    await station.log("api").follow("me");
    const message = "The logs agent follows 1 logs already, and no more at a time";
    await expect(station.log("web").follow("me")).rejects.toMatchObject({ code: "bus_away", message });
    await station.log("api").leave("me");
    clock.pass(6_000);
    expect(await station.log("web").follow("me")).toMatchObject({ offset: 4 });
  });

  test("costs nothing for 5,000 logs that nobody asks about", async () => {
    await mkdir(station.path("many"));
    // Names of one file: as good as 5,000 files here, and much faster made.
    for (let i = 0; i < 5_000; i += 1) linkSync(station.path("api.log"), station.path(`many/n${i}.log`));
    const agent = await start({ pattern: "many/{name}.log" });
    expect(agent.size).toBe(5_000);
    expect(await heldBelow(station.directory)).toBe(0);
    expect(await station.log("n4711").backlog(1)).toMatchObject({ lines: ["one"] });
  });
});

describe.each(buses)("live steps and answers on %s", (_name, openBus) => {
  let station: Station;

  beforeEach(async () => {
    station = await Station.open(openBus);
  });

  afterEach(() => station[Symbol.asyncDispose]());

  /** Reads from a place to where the agent is, as a gateway does. */
  async function readOn(since: LogPlace | null): Promise<{ steps: LogStep[]; place: LogPlace }> {
    const steps: LogStep[] = [];
    for (let from = since; ; ) {
      const reading = await station.log("api").after(from);
      if ("lost" in reading) throw new Error("The place is lost");
      steps.push(...reading.steps);
      if (reading.whole) return { steps, place: reading.place };
      from = reading.place;
    }
  }

  /** The live steps from a place on; every one of them begins where the one before it ended. */
  function chainFrom(place: LogPlace, live: readonly LogStep[]): LogStep[] {
    const first = live.findIndex((step) => beginsAt(step, place));
    const chain = first < 0 ? [] : live.slice(first);
    let at = place;
    for (const step of chain) {
      expect(beginsAt(step, at)).toBe(true);
      at = endOf(step);
    }
    return chain;
  }

  test("connect, whenever the question is asked while somebody writes", async () => {
    const total = 6_000;
    const wanted = Array.from({ length: total }, (_, i) => `line ${i} ${"\u001b[31m".repeat(i % 40)}`);
    const path = station.path("api.log");
    await writeFile(path, "");
    await station.agent({ limits: { batchMs: 5 } });
    const steps = station.steps("api");
    await station.log("api").follow("me");
    const writing = (async () => {
      for (let i = 0; i < total; i += 50) await appendFile(path, `${wanted.slice(i, i + 50).join("\n")}\n`);
    })();
    const answers: Awaited<ReturnType<typeof readOn>>[] = [];
    const backlogs: { lines: readonly string[]; place: LogPlace }[] = [];
    let isWritten = false;
    writing.then(() => {
      isWritten = true;
    });
    while (!isWritten || answers.length < 3) {
      answers.push(await readOn(answers.length % 3 === 0 ? null : (answers.at(-1)?.place ?? null)));
      const backlog = await station.log("api").backlog(total);
      if ("place" in backlog) backlogs.push(backlog);
    }
    await steps.until((items) => linesOf(items).length >= total);
    expect(linesOf(steps.items)).toEqual(wanted);
    let before: readonly string[] = [];
    for (const [i, { steps: past, place }] of answers.entries()) {
      before = [...(i % 3 === 0 ? [] : before), ...linesOf(past)];
      expect([...before, ...linesOf(chainFrom(place, steps.items))]).toEqual(wanted);
    }
    for (const { lines, place } of backlogs) {
      const all = [...lines, ...linesOf(chainFrom(place, steps.items))];
      expect(all).toEqual(wanted.slice(-all.length));
    }
  });

  test("are cut to what a message may hold, and go on from there", async () => {
    // A line feed costs one byte in the file, and its line five in the answer.
    const text = `${"\u001b".repeat(60)}\n`.repeat(20_000);
    await writeFile(station.path("api.log"), text);
    await station.agent();
    const first = await station.log("api").after(null);
    expect(first).toMatchObject({ whole: false });
    expect(linesOf((await readOn(null)).steps).join("\n")).toBe(text.trimEnd());
    const backlog = await station.log("api").backlog(20_000);
    const lines = "lines" in backlog ? backlog.lines : [];
    expect(lines.length).toBeGreaterThan(1_000);
    expect(lines.length).toBeLessThan(20_000);
  });

  test("contain no secret, nor does a download", async () => {
    const secret = "hunter2hunter2";
    const line = (i: number) => `${i} user=me password=${secret} end\n`;
    const shown = (i: number) => `${i} user=me password=[redacted] end`;
    const path = station.path("api.log");
    await writeFile(path, line(1) + line(2));
    const heard: string[] = [];
    station.bus.subscribe(">", ({ data }) => heard.push(Buffer.from(data).toString()));
    await station.agent({ redact: [{ pattern: "(password=)\\S+", replace: "$1[redacted]" }] });
    const log = station.log("api");
    const steps = station.steps("api");
    await log.follow("me");
    // The line that has not ended may be half a secret.
    await appendFile(path, `${line(3)}4 password=hunter2`);
    await steps.until((items) => linesOf(items).length === 1);
    expect(linesOf(steps.items)).toEqual([shown(3)]);
    expect(await log.backlog(2)).toMatchObject({ lines: [shown(2), shown(3)] });
    expect(linesOf((await readOn(null)).steps)).toEqual([shown(1), shown(2), shown(3)]);
    const { bytes } = await log.bytes(0);
    expect(Buffer.from(bytes).toString()).toBe([1, 2, 3].map((i) => `${shown(i).replace("]", "]****")}\n`).join(""));
    expect(heard.join()).not.toContain("hunter");
  });

  test("show no half of a secret at the end of a line that was too long", async () => {
    const path = station.path("api.log");
    await writeFile(path, "");
    await station.agent({ redact: [{ pattern: "AKIA[0-9A-Z]{16}" }], limits: { maxLineBytes: 1_000 } });
    const steps = station.steps("api");
    await station.log("api").follow("me");
    const begin = "AKIA0123456789ABCDEF ".padEnd(990, "x");
    await appendFile(path, `${begin}AKIA0123456789ABCDEF and more\n`);
    await steps.until((items) => linesOf(items).length === 1);
    const shown = [`${begin.replace(/AKIA\w+/, "[redacted]").slice(0, 10 - 256)}…[+19 bytes]`];
    expect(linesOf(steps.items)).toEqual(shown);
    expect(await station.log("api").backlog(1)).toMatchObject({ lines: shown });
    expect(linesOf((await readOn(null)).steps)).toEqual(shown);
  });
});
