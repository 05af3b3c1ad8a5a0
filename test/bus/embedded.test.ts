import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { openEmbeddedBus } from "../../src/bus/embedded.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { ManualClock } from "../support/clock.ts";
import { busContract } from "./contract.ts";
import { bytes, Recorder, text } from "./recorder.ts";

const minute = 60_000;
const dirs: string[] = [];

function freshFile(): string {
  const dir = mkdtempSync(join(tmpdir(), "skein-bus-"));
  dirs.push(dir);
  return join(dir, "below", "bus.db");
}

afterAll(() => {
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
});

busContract("The embedded bus", async () => {
  const file = freshFile();
  return { open: () => openEmbeddedBus({ file, clock: systemClock }), end: async () => {} };
});

describe("The embedded bus", () => {
  test("what was acknowledged survives kill -9", async () => {
    const file = freshFile();
    const acknowledged = await appendUntilKilled(file, 5_000);
    const bus = await openEmbeddedBus({ file, clock: systemClock });
    const journal = await bus.journal({ name: "runs", subjects: ["runs.>"], keepMs: minute });
    const { last } = await journal.bounds();
    const { messages } = await journal.read({ subject: "runs.>", after: 0, upTo: last, limit: 1_000_000 });
    expect(messages.map(({ position }) => position)).toEqual(Array.from({ length: last }, (_, i) => i + 1));
    const stored = new Map(messages.map(({ position, data }) => [position, text(data)]));
    for (const [position, body] of acknowledged) expect(stored.get(position)).toBe(body);
    await bus.close();
  });

  test("a second process is told that the data directory is in use", async () => {
    const file = freshFile();
    const bus = await openEmbeddedBus({ file, clock: systemClock });
    await expect(openEmbeddedBus({ file, clock: systemClock })).rejects.toThrow(/data directory .* is in use/);
    await bus.close();
    const next = await openEmbeddedBus({ file, clock: systemClock });
    await next.close();
  });

  test("a journal drops what is older than it keeps", async () => {
    const clock = new ManualClock();
    const bus = await openEmbeddedBus({ file: ":memory:", clock });
    const journal = await bus.journal({ name: "runs", subjects: ["runs.>"], keepMs: 60 * minute });
    await journal.append("runs.a", bytes("old"));
    clock.pass(30 * minute);
    await journal.append("runs.a", bytes("young"));
    clock.pass(31 * minute + minute);
    const { messages, lost } = await journal.read({ subject: "runs.a", after: 0, upTo: 10, limit: 10 });
    expect(messages.map(({ data }) => text(data))).toEqual(["young"]);
    expect(lost).toBe(true);
    expect((await journal.read({ subject: "runs.a", after: 1, upTo: 10, limit: 10 })).lost).toBe(false);
    expect(await journal.bounds()).toMatchObject({ first: 2, last: 2 });
    clock.pass(60 * minute);
    expect(await journal.bounds()).toMatchObject({ first: 3, last: 2 });
    expect((await journal.append("runs.a", bytes("next"))).position).toBe(3);
    await bus.close();
  });

  test("a table that keeps its values for a time drops those that are older", async () => {
    const clock = new ManualClock();
    const bus = await openEmbeddedBus({ file: ":memory:", clock });
    const table = await bus.table({ name: "slips", subjects: ["slips.>"], keepMs: 60 * minute });
    const forGood = await bus.table({ name: "agents", subjects: ["agents.>"] });
    await forGood.put("agents.a", bytes("old"));
    await table.put("slips.a", bytes("old"));
    clock.pass(45 * minute);
    await table.put("slips.b", bytes("young"));
    clock.pass(30 * minute);
    expect(await table.get("slips.a")).toBeUndefined();
    expect(text((await table.get("slips.b"))?.data ?? bytes(""))).toBe("young");
    expect(text((await forGood.get("agents.a"))?.data ?? bytes(""))).toBe("old");
    await bus.close();
  });

  test("a deleted value leaves its trace for ten minutes", async () => {
    const clock = new ManualClock();
    const bus = await openEmbeddedBus({ file: ":memory:", clock });
    const table = await bus.table({ name: "agents", subjects: ["agents.>"] });
    await table.put("agents.a", bytes("one"));
    await table.put("agents.a", new Uint8Array(0));
    clock.pass(10 * minute);
    expect(await table.bounds()).toMatchObject({ first: 2, last: 2 });
    clock.pass(2 * minute);
    expect(await table.bounds()).toMatchObject({ first: 3, last: 2 });
    await bus.close();
  });

  test("an id may come again after it was forgotten", async () => {
    const clock = new ManualClock();
    const bus = await openEmbeddedBus({ file: ":memory:", clock });
    const journal = await bus.journal({ name: "runs", subjects: ["runs.>"], keepMs: 60 * minute });
    await journal.append("runs.a", bytes("one"), "id");
    clock.pass(5 * minute);
    expect((await journal.append("runs.a", bytes("one"), "id")).duplicate).toBe(true);
    clock.pass(2 * minute);
    expect((await journal.append("runs.a", bytes("one"), "id")).duplicate).toBe(false);
    await bus.close();
  });

  test("a full disk refuses what it cannot keep and loses nothing else", async () => {
    const troubles: string[] = [];
    const report = (trouble: string) => troubles.push(trouble);
    const bus = await openEmbeddedBus({ file: freshFile(), clock: systemClock, limitBytes: 1_000_000, report });
    const journal = await bus.journal({ name: "runs", subjects: ["runs.>"], keepMs: minute });
    const table = await bus.table({ name: "agents", subjects: ["agents.>"] });
    const recorder = new Recorder();
    journal.follow(recorder);
    const { position: first } = await journal.append("runs.a", bytes("first"));
    const tooMuch = Array.from({ length: 20 }, () => journal.append("runs.a", new Uint8Array(100_000)));
    const refused = table.put("agents.a", bytes("beside"));
    for (const append of tooMuch) await expect(append).rejects.toMatchObject({ code: "bus_away" });
    await expect(refused).rejects.toMatchObject({ code: "bus_away" });
    expect(troubles).toEqual(["database or disk is full"]);
    expect(await journal.append("runs.a", bytes("second"))).toEqual({ position: first + 1, duplicate: false });
    await recorder.until(({ messages }) => messages.length === 2);
    expect(recorder.bodies).toEqual(["first", "second"]);
    await bus.close();
  });
});

/** Runs a process that appends, kills it after so many acknowledgements and returns them: position → body. */
async function appendUntilKilled(file: string, acknowledgements: number): Promise<Map<number, string>> {
  const script = fileURLToPath(new URL("appender.ts", import.meta.url));
  const args = "deno" in process.versions ? ["run", "-A", script, file] : [script, file];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const acknowledged = new Map<number, string>();
  for await (const line of createInterface({ input: child.stdout })) {
    const [position, body = ""] = line.split(" ");
    acknowledged.set(Number(position), body);
    if (acknowledged.size === acknowledgements) child.kill("SIGKILL");
  }
  return acknowledged;
}
