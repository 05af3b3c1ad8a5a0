import { afterEach, describe, expect, test } from "vitest";
import { openNatsBus } from "../../src/bus/nats.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { ManualClock } from "../support/clock.ts";
import { startNatsServer } from "../support/nats-server.ts";
import { busContract } from "./contract.ts";
import { bytes, Recorder, stateOf, text } from "./recorder.ts";
import { jetstream, Setup } from "./setup.ts";

const minute = 60_000;
const hour = 60 * minute;
const runs = { name: "runs", subjects: ["runs.>"], keepMs: hour };
const agents = { name: "agents", subjects: ["agents.>"] };

busContract("The NATS bus", async () => {
  const server = await startNatsServer();
  const open = async () => {
    const bus = await openNatsBus({ url: server.url, clock: systemClock });
    await stateOf(bus, "up");
    return bus;
  };
  return { open, end: () => server.stop() };
});

const setup = new Setup();
afterEach(() => setup.end());

describe("The NATS bus", () => {
  test("two buses on one server see the same epochs, positions and values", async () => {
    const { url } = await setup.serve();
    const [one, other] = [await setup.openUp(url), await setup.openUp(url)];
    const [written, read] = await Promise.all([one.journal(runs), other.journal(runs)]);
    const recorder = new Recorder();
    read.follow(recorder);
    await recorder.until(({ levels }) => levels === 1);
    const { position } = await written.append("runs.a", bytes("one"));
    await recorder.until(({ messages }) => messages.length === 1);
    expect(recorder.positions).toEqual([position]);
    expect(await read.bounds()).toEqual(await written.bounds());
    await (await one.table(agents)).put("agents.a", bytes("one"));
    expect(text((await (await other.table(agents)).get("agents.a"))?.data ?? bytes(""))).toBe("one");
  });

  test("several buses may create the same stores at the same moment", async () => {
    const { url } = await setup.serve();
    const buses = await Promise.all(Array.from({ length: 4 }, () => setup.openUp(url)));
    for (let round = 0; round < 50; round++) {
      const spec = { name: `rivals_${round}`, subjects: [`rivals${round}.>`], keepMs: 60_000 };
      const journals = await Promise.all(buses.map((bus) => bus.journal(spec)));
      const epochs = await Promise.all(journals.map(async (journal) => (await journal.bounds()).epoch));
      expect(new Set(epochs).size).toBe(1);
    }
  });

  test("any NATS client may write into a table or a journal", async () => {
    const { url } = await setup.serve();
    const bus = await setup.openUp(url);
    const recorder = new Recorder();
    (await bus.journal(runs)).follow(recorder);
    await recorder.until(({ levels }) => levels === 1);
    bus.publish("runs.a", bytes("plain"));
    await recorder.until(({ messages }) => messages.length === 1);
    expect(recorder.bodies).toEqual(["plain"]);
  });

  test("opens at once when NATS is not there, and is up when it comes", async () => {
    const { port, url, kill, restart } = await setup.serve();
    await kill();
    const bus = await setup.open(url);
    expect(bus.state).toBe("away");
    await expect(bus.table(agents)).rejects.toMatchObject({ code: "bus_away" });
    const heard = Promise.withResolvers<void>();
    bus.subscribe("early", () => heard.resolve());
    await restart();
    await stateOf(bus, "up");
    bus.publish("early", bytes("bird"));
    await heard.promise;
    expect(port).toBeGreaterThan(0);
    await (await bus.table(agents)).put("agents.a", bytes("one"));
  });

  test("a bus that never was up can be closed", async () => {
    const { url, kill } = await setup.serve();
    await kill();
    const bus = await openNatsBus({ url, clock: systemClock });
    await bus.close();
    expect(bus.state).toBe("away");
  });

  test("a server without JetStream gets an error that says how to turn it on", async () => {
    const { url } = await setup.serve({ args: [] });
    const bus = await setup.openUp(url);
    await expect(bus.journal(runs)).rejects.toThrow("start nats-server with -js");
  });

  test("credentials in the URL are used and never reported", async () => {
    const { port } = await setup.serve({ args: ["-js", "--user", "ann", "--pass", "s3cret/"] });
    const bus = await setup.openUp(`nats://ann:s3cret%2F@127.0.0.1:${port}`);
    await bus.journal(runs);
    const trouble = Promise.withResolvers<string>();
    const url = `nats://ann:wr0ng@127.0.0.1:${port}`;
    const refused = await openNatsBus({ url, clock: systemClock, report: trouble.resolve });
    expect(await trouble.promise).toMatch(/authorization violation/i);
    expect(await trouble.promise).not.toMatch(/wr0ng/);
    await refused.close();
  });

  test("a token in the URL is used", async () => {
    const { port } = await setup.serve({ args: ["-js", "--auth", "t0ken"] });
    const bus = await setup.openUp(`nats://t0ken@127.0.0.1:${port},nats://127.0.0.1:${port}`);
    await bus.journal(runs);
  });

  test.each(["", "http://host", "nats://", "nats://ann:s3cret@host:notaport"])("%j is no URL of NATS", async (url) => {
    const opening = openNatsBus({ url, clock: systemClock });
    await expect(opening).rejects.toThrow("nats://host:4222");
    await expect(opening).rejects.not.toThrow("s3cret");
  });

  test("a stream that exists and cannot be brought in line is named, with both values", async () => {
    const { url } = await setup.serve();
    await jetstream(url, "STREAM.CREATE.SKEIN_RUNS", { name: "SKEIN_RUNS", subjects: ["runs.>"], storage: "memory" });
    const bus = await setup.openUp(url);
    await expect(bus.journal(runs)).rejects.toThrow('SKEIN_RUNS exists with storage "memory", and "file" is needed');
  });

  test("a stream that exists with other subjects or another age is brought in line", async () => {
    const { url } = await setup.serve();
    const one = await setup.openUp(url);
    const journal = await one.journal({ ...runs, keepMs: 2 * minute });
    await journal.append("runs.a", bytes("one"));
    const other = await setup.openUp(url);
    const wider = await other.journal({ ...runs, subjects: ["runs.>", "jobs.>"] });
    await wider.append("jobs.a", bytes("two"));
    expect(await wider.bounds()).toMatchObject({ first: 1, last: 2 });
    expect((await jetstream(url, "STREAM.INFO.SKEIN_RUNS")).config).toMatchObject({ max_age: hour * 1e6 });
  });

  test("a table that keeps its values for a time says so to the server, also when that changes", async () => {
    const { url } = await setup.serve();
    const slips = { name: "slips", subjects: ["slips.>"] };
    const table = await (await setup.openUp(url)).table({ ...slips, keepMs: 1_000 });
    await table.put("slips.a", bytes("one"));
    await expect.poll(() => table.get("slips.a"), { timeout: 10_000 }).toBeUndefined();
    await (await setup.openUp(url)).table({ ...slips, keepMs: hour });
    expect((await jetstream(url, "STREAM.INFO.SKEIN_SLIPS")).config).toMatchObject({
      max_age: hour * 1e6,
      duplicate_window: 5 * minute * 1e6,
    });
    await (await setup.openUp(url)).table(slips);
    expect((await jetstream(url, "STREAM.INFO.SKEIN_SLIPS")).config).toMatchObject({ max_age: 0 });
  });

  test("a value that is removed is not in the stream any more", async () => {
    const { url } = await setup.serve();
    const table = await (await setup.openUp(url)).table(agents);
    const { position } = await table.put("agents.a", bytes("one"));
    await table.remove("agents.a", position);
    expect((await jetstream(url, "STREAM.INFO.SKEIN_AGENTS")).state).toMatchObject({ messages: 0 });
  });

  test("no stream can be purged and no event of a journal deleted, also when the stream was there before", async () => {
    const { url } = await setup.serve();
    const old = { retention: "limits", storage: "file", discard: "old" };
    const ofRuns = { ...old, name: "SKEIN_RUNS", subjects: runs.subjects, max_age: runs.keepMs * 1e6 };
    await jetstream(url, "STREAM.CREATE.SKEIN_RUNS", ofRuns);
    const ofAgents = { ...old, name: "SKEIN_AGENTS", subjects: agents.subjects, max_msgs_per_subject: 1 };
    await jetstream(url, "STREAM.CREATE.SKEIN_AGENTS", ofAgents);
    const bus = await setup.openUp(url);
    const [journal, table] = [await bus.journal(runs), await bus.table(agents)];
    for (const name of ["a", "b"]) await journal.append(`runs.${name}`, bytes("one"));
    await table.put("agents.a", bytes("one"));
    const refused = { error: { code: 500 } };
    expect(await jetstream(url, "STREAM.PURGE.SKEIN_RUNS")).toMatchObject(refused);
    expect(await jetstream(url, "STREAM.PURGE.SKEIN_AGENTS")).toMatchObject(refused);
    expect(await jetstream(url, "STREAM.MSG.DELETE.SKEIN_RUNS", { seq: 1 })).toMatchObject(refused);
    expect(await journal.bounds()).toMatchObject({ first: 1, last: 2 });
    expect(text((await table.get("agents.a"))?.data ?? bytes(""))).toBe("one");
    await table.put("agents.a", bytes(""));
    expect(await table.get("agents.a")).toBeUndefined();
  });

  test("a table whose stream lets no message be deleted is refused: JetStream does not take that back", async () => {
    const { url } = await setup.serve();
    const strict = { name: "SKEIN_AGENTS", subjects: agents.subjects, max_msgs_per_subject: 1, deny_delete: true };
    await jetstream(url, "STREAM.CREATE.SKEIN_AGENTS", { retention: "limits", storage: "file", ...strict });
    const bus = await setup.openUp(url);
    await expect(bus.table(agents)).rejects.toThrow("SKEIN_AGENTS exists with deny_delete true, and false is needed");
  });

  test("consumers are deleted when nobody follows and when a reading is over", async () => {
    const { url } = await setup.serve();
    const bus = await setup.openUp(url);
    const [journal, table] = [await bus.journal(runs), await bus.table(agents)];
    await journal.append("runs.a", bytes("one"));
    const recorders = [new Recorder(), new Recorder()];
    const stops = [journal.follow(recorders[0] ?? new Recorder()), table.follow(recorders[1] ?? new Recorder())];
    for (const recorder of recorders) await recorder.until(({ levels }) => levels === 1);
    await journal.recent({ subject: "runs.a", upTo: 1, limit: 10 });
    await journal.read({ subject: "runs.a", after: 0, upTo: 1, limit: 10 });
    for (const stop of stops) stop();
    await bus.close();
    for (const stream of ["SKEIN_RUNS", "SKEIN_AGENTS"]) {
      expect((await jetstream(url, `STREAM.INFO.${stream}`)).state).toMatchObject({ consumer_count: 0 });
    }
  });

  test("the trace of a deleted value is removed ten minutes after it was read", async () => {
    const { url } = await setup.serve();
    const clock = new ManualClock();
    // What a slow server did not answer is tried again when time passes.
    const stop = systemClock.every(100, () => clock.pass(100));
    const bus = await openNatsBus({ url, clock });
    await stateOf(bus, "up");
    const table = await bus.table(agents);
    const recorder = new Recorder();
    table.follow(recorder);
    await recorder.until(({ levels }) => levels === 1);
    await table.put("agents.a", bytes("one"));
    await table.put("agents.a", bytes(""));
    await table.put("agents.b", bytes("two"));
    await recorder.until(({ messages }) => messages.length === 3);
    clock.pass(9 * minute);
    expect((await table.bounds()).first).toBe(2);
    clock.pass(2 * minute);
    await expect.poll(async () => (await table.bounds()).first).toBe(3);
    stop();
    await bus.close();
  });

  test("a message larger than the server takes is refused", async () => {
    const { url } = await setup.serve();
    const bus = await setup.openUp(url);
    const journal = await bus.journal(runs);
    const tooLarge = journal.append("runs.a", new Uint8Array(2_000_000));
    await expect(tooLarge).rejects.toMatchObject({ code: "message_too_large" });
  });
});
