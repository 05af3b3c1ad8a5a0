import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { Bus, Journal, Table } from "../../src/bus/bus.ts";
import { Load } from "./load.ts";
import { bytes, Recorder, stateOf, text } from "./recorder.ts";
import { jetstream, Setup } from "./setup.ts";

const day = 24 * 60 * 60_000;
const runs = { name: "runs", subjects: ["runs.>"], keepMs: day };
const agents = { name: "agents", subjects: ["agents.>"] };

const setup = new Setup();
afterEach(() => setup.end());

interface Followed {
  readonly journal: Journal;
  readonly table: Table;
  readonly events: Recorder;
  readonly values: Recorder;
}

/** A journal and a table, each with a follower that is level. */
async function follow(bus: Bus): Promise<Followed> {
  const [journal, table] = [await bus.journal(runs), await bus.table(agents)];
  const [events, values] = [new Recorder(), new Recorder()];
  journal.follow(events);
  table.follow(values);
  await events.until(({ levels }) => levels === 1);
  await values.until(({ levels }) => levels === 1);
  return { journal, table, events, values };
}

/** Every event was told once and in order, and what was acknowledged is among them. */
async function expectEvents({ journal, events }: Followed, load: Load): Promise<void> {
  const { last } = await journal.bounds();
  await events.until(({ positions }) => positions.at(-1) === last);
  const { messages } = await journal.read({ subject: "runs.>", after: 0, upTo: last, limit: 1_000_000 });
  const stored = new Map(messages.map(({ position, data }) => [position, text(data)]));
  expect(events.positions).toEqual([...stored.keys()]);
  expect(events.bodies).toEqual([...stored.values()]);
  expect(new Set(stored.values()).size).toBe(stored.size);
  for (const [position, body] of load.acknowledged) expect(stored.get(position)).toBe(body);
  expect(events.story).not.toContain("gap");
  expect(events.epochs).toHaveLength(1);
}

/** The follower's rows are the table's. */
async function expectValues({ table, values }: Followed): Promise<void> {
  const { last } = await table.bounds();
  await values.until(({ calls }) => {
    const end = calls.at(-1);
    return end?.kind === "level" ? end.position === last : end?.kind === "message" && end.message.position === last;
  });
  const stored = new Map<string, string>();
  for (let writer = 0; writer < 8; writer += 1) {
    for (let key = 0; key < 10; key += 1) {
      const found = await table.get(`agents.${writer}.${key}`);
      if (found) stored.set(found.subject, text(found.data));
    }
  }
  expect(values.rows).toEqual(stored);
  expect(new Set(values.epochs).size).toBe(1);
}

describe("The NATS bus through failures", () => {
  test("followers see exactly what is stored while nats-server is killed three times", async () => {
    const server = await setup.serve();
    const reading = await setup.openUp(server.url);
    const writing = await setup.openUp(server.url);
    const states: string[] = [];
    reading.onState((state) => states.push(state));
    const followed = await follow(reading);
    const load = new Load(await writing.journal(runs), await writing.table(agents));
    for (let i = 0; i < 3; i += 1) {
      await load.more(1_000);
      await server.kill();
      await stateOf(reading, "away");
      await server.restart();
      await stateOf(reading, "up");
    }
    await load.more(1_000);
    await load.stop();
    await expectEvents(followed, load);
    await expectValues(followed);
    expect(states).toEqual(["away", "up", "away", "up", "away", "up"]);
  });

  test("followers see exactly what is stored while the connection is cut again and again", async () => {
    const server = await setup.serve();
    const wire = await setup.wire(server.port);
    const reading = await setup.openUp(wire.url);
    const writing = await setup.openUp(server.url);
    const followed = await follow(reading);
    const load = new Load(await writing.journal(runs), await writing.table(agents));
    for (let i = 0; i < 5; i += 1) {
      await load.more(500);
      wire.cut();
      await stateOf(reading, "away");
      await load.more(100);
      wire.mend();
      await stateOf(reading, "up");
    }
    await load.stop();
    await expectEvents(followed, load);
    await expectValues(followed);
  });

  test("what is published while the connection is cut is stored once", async () => {
    const server = await setup.serve();
    const wire = await setup.wire(server.port);
    const cut = await setup.openUp(wire.url);
    const followed = await follow(await setup.openUp(server.url));
    const load = new Load(await cut.journal(runs), await cut.table(agents));
    for (let i = 0; i < 5; i += 1) {
      await load.more(300);
      wire.cut();
      await stateOf(cut, "away");
      wire.mend();
    }
    await load.more(300);
    await load.stop();
    await expectEvents(followed, load);
    await expectValues(followed);
  });

  test("a consumer that the server lost is noticed and made again", async () => {
    const { url } = await setup.serve();
    const { journal, events } = await follow(await setup.openUp(url));
    await journal.append("runs.a", bytes("one"));
    await events.until(({ messages }) => messages.length === 1);
    const { consumers } = (await jetstream(url, "CONSUMER.NAMES.SKEIN_RUNS")) as { consumers: string[] };
    for (const name of consumers) await jetstream(url, `CONSUMER.DELETE.SKEIN_RUNS.${name}`);
    for (const body of ["two", "three"]) await journal.append("runs.a", bytes(body));
    await events.until(({ messages }) => messages.length === 3);
    expect(events.positions).toEqual([1, 2, 3]);
  });

  test("a store that was wiped begins anew with another epoch", async () => {
    const server = await setup.serve();
    const bus = await setup.openUp(server.url);
    const { journal, table, events, values } = await follow(bus);
    await journal.append("runs.a", bytes("one"));
    await table.put("agents.a", bytes("one"));
    await server.kill();
    server.wipe();
    await server.restart();
    await events.until(({ epochs }) => new Set(epochs).size === 2);
    await values.until(({ epochs, calls }) => new Set(epochs).size === 2 && calls.at(-1)?.kind === "level");
    expect(values.rows.size).toBe(0);
    expect(await table.get("agents.a")).toBeUndefined();
    expect(events.epochs.at(-1)).toBe((await journal.bounds()).epoch);
    expect(events.calls.at(-1)).toEqual({ kind: "level", position: 0 });
    expect((await journal.append("runs.a", bytes("two"))).position).toBe(1);
    await events.until(({ bodies }) => bodies.at(-1) === "two");
  });

  test("a store that was wiped takes messages again when nobody follows", async () => {
    const server = await setup.serve();
    const bus = await setup.openUp(server.url);
    const journal = await bus.journal(runs);
    const { epoch } = await journal.bounds();
    await journal.append("runs.a", bytes("one"));
    await server.kill();
    server.wipe();
    await server.restart();
    expect(await journal.append("runs.a", bytes("two"))).toEqual({ position: 1, duplicate: false });
    expect((await journal.bounds()).epoch).not.toBe(epoch);
  });

  test("a store that lost its end begins anew with another epoch", async () => {
    const dir = mkdtempSync(join(tmpdir(), "skein-nats-"));
    const copy = `${dir}-copy`;
    const server = await setup.serve({ dir });
    const bus = await setup.openUp(server.url);
    const { journal, events } = await follow(bus);
    await journal.append("runs.a", bytes("one"));
    await server.kill();
    cpSync(dir, copy, { recursive: true });
    await server.restart();
    await stateOf(bus, "up");
    await journal.append("runs.a", bytes("lost"));
    await events.until(({ positions }) => positions.at(-1) === 2);
    await server.kill();
    server.wipe();
    cpSync(copy, dir, { recursive: true });
    await server.restart();
    await events.until(({ epochs, calls }) => new Set(epochs).size === 2 && calls.at(-1)?.kind === "level");
    expect(events.calls.at(-1)).toEqual({ kind: "level", position: 1 });
    expect((await journal.bounds()).epoch).toBe(events.epochs.at(-1));
    await server.stop();
    for (const folder of [dir, copy]) rmSync(folder, { recursive: true, force: true });
  });

  test("a follower is told of the gap when events were removed before it could read them", async () => {
    const server = await setup.serve();
    const wire = await setup.wire(server.port);
    const cut = await setup.openUp(wire.url);
    const { events } = await follow(cut);
    const journal = await (await setup.openUp(server.url)).journal(runs);
    await journal.append("runs.a", bytes("1"));
    await events.until(({ messages }) => messages.length === 1);
    wire.cut();
    await stateOf(cut, "away");
    for (let i = 2; i <= 10; i += 1) await journal.append("runs.a", bytes(`${i}`));
    // An operator has the stream keep no more than three.
    const { config } = await jetstream(server.url, "STREAM.INFO.SKEIN_RUNS");
    await jetstream(server.url, "STREAM.UPDATE.SKEIN_RUNS", { ...(config as object), max_msgs: 3 });
    wire.mend();
    await events.until(({ positions }) => positions.at(-1) === 10);
    expect(events.positions).toEqual([1, 8, 9, 10]);
    expect(events.story).toBe("begin level message gap message message message");
    expect(events.calls[3]).toEqual({ kind: "gap", position: 7 });
    expect(await journal.read({ subject: "runs.a", after: 5, upTo: 10, limit: 10 })).toMatchObject({ lost: true });
    expect(await journal.read({ subject: "runs.a", after: 7, upTo: 10, limit: 10 })).toMatchObject({ lost: false });
  });

  test("a table that changed while the connection was cut is read anew", async () => {
    const server = await setup.serve();
    const wire = await setup.wire(server.port);
    const cut = await setup.openUp(wire.url);
    const { values } = await follow(cut);
    const table = await (await setup.openUp(server.url)).table(agents);
    for (const key of ["a", "b"]) await table.put(`agents.${key}`, bytes("one"));
    await values.until(({ messages }) => messages.length === 2);
    wire.cut();
    await stateOf(cut, "away");
    await table.put("agents.a", bytes(""));
    await table.put("agents.b", bytes("two"));
    wire.mend();
    await values.until(({ levels }) => levels === 2);
    expect([...values.rows]).toEqual([["agents.b", "two"]]);
    expect(values.story).toBe("begin level message message begin message level");
  });

  test("a publish is refused when no acknowledgement came within five seconds", async () => {
    const server = await setup.serve();
    const bus = await setup.openUp(server.url);
    const journal = await bus.journal(runs);
    await server.kill();
    await stateOf(bus, "away");
    await expect(journal.append("runs.a", bytes("one"))).rejects.toMatchObject({ code: "bus_away" });
    await expect(journal.bounds()).rejects.toMatchObject({ code: "bus_away" });
    await expect(bus.request("somewhere", bytes(""), 1_000)).rejects.toMatchObject({ code: "bus_away" });
  });
});
