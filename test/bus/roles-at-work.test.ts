import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { headers } from "nats";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Bus, Table } from "../../src/bus/bus.ts";
import { openNatsBus } from "../../src/bus/nats.ts";
import { LogsAgent } from "../../src/logs/agent.ts";
import { diskFiles } from "../../src/logs/disk.ts";
import { LogPattern } from "../../src/logs/pattern.ts";
import { Redaction } from "../../src/logs/redact.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { Failure } from "../../src/protocol/failure.ts";
import { heartbeatSubject, managedSubject, supervisorSubject } from "../../src/protocol/instance.ts";
import { inboxSubject } from "../../src/protocol/letter.ts";
import { logSubjects } from "../../src/protocol/log.ts";
import { connect as connectPublisher } from "../../src/publisher/index.ts";
import { Supervisor } from "../../src/supervisor/supervisor.ts";
import { parseTemplates } from "../../src/supervisor/template.ts";
import { confFor, type LockedNats, startLockedNats } from "../support/locked-nats.ts";
import { flags } from "./attacker.ts";
import { bytes, Recorder, stateOf, text } from "./recorder.ts";
import { makeStreams } from "./stream-states.ts";
import { Visitor } from "./visitor.ts";

const instances = { name: "instances", subjects: ["skein.*.instances.*", "skein.*.managed.*"] };

let locked: LockedNats;
let gateway: Bus;
let table: Table;
const troubles: string[] = [];
const ends: (() => Promise<void>)[] = [];

async function openAs(user: string): Promise<Bus> {
  const report = (trouble: string) => troubles.push(`${user}: ${trouble}`);
  const bus = await openNatsBus({ ...locked.optionsOf(user), report });
  ends.push(() => bus.close());
  await stateOf(bus, "up");
  return bus;
}

beforeAll(async () => {
  locked = await startLockedNats(confFor(flags));
  ends.push(async () => locked[Symbol.asyncDispose]());
  gateway = await openAs("gateway");
  await makeStreams(gateway);
  table = await gateway.table(instances);
});

afterAll(async () => {
  for (const end of ends.toReversed()) await end();
  expect(troubles).toEqual([]);
});

const ask = async (bus: Bus, subject: string, question: string) =>
  text(await bus.request(subject, bytes(question), 5_000));

describe("A node", () => {
  test("writes its rows with JetStream's word for it, by the position that they replace and once for each id", async () => {
    await using node = await Visitor.connect(locked, "acme-node");
    const put = async (body: string, named: Readonly<Record<string, string>>) => {
      const h = headers();
      for (const [name, value] of Object.entries(named)) h.set(name, value);
      return (await node.nats.request("skein.acme.managed.a", body, { headers: h, timeout: 5_000 })).json<{
        seq: number;
      }>();
    };
    const expecting = (position: number) => ({
      "Nats-Expected-Last-Subject-Sequence": String(position),
      "Nats-Expected-Stream": "SKEIN_INSTANCES",
    });
    const { seq } = await put("one", { ...expecting(0), "Nats-Msg-Id": "id-1" });
    expect(await put("one", { "Nats-Msg-Id": "id-1" })).toMatchObject({ seq, duplicate: true });
    expect(await put("two", expecting(seq + 7))).toMatchObject({ error: { err_code: 10071 } });
    expect(await put("two", expecting(seq))).toMatchObject({ stream: "SKEIN_INSTANCES" });
    expect(text((await table.get("skein.acme.managed.a"))?.data ?? bytes(""))).toBe("two");
  });

  test("reads one row of its org at a time, and is told when there is none", async () => {
    await using node = await Visitor.connect(locked, "acme-node");
    await node.nats.request("skein.acme.managed.b", "row");
    const read = (name: string) => node.nats.request(`$JS.API.DIRECT.GET.SKEIN_INSTANCES.skein.acme.managed.${name}`);
    const row = await read("b");
    expect([row.string(), row.headers?.get("Nats-Subject")]).toEqual(["row", "skein.acme.managed.b"]);
    expect((await read("none")).headers?.code).toBe(404);
  });

  test("hears what gateways write of its rows, which is stored once", async () => {
    await using node = await Visitor.connect(locked, "acme-node");
    await using foreign = await Visitor.connect(locked, "beta-node");
    const [heard, overheard]: [string[], string[]] = [[], []];
    for (const [visitor, said] of [
      [node, heard],
      [foreign, overheard],
    ] as const) {
      const org = visitor === node ? "acme" : "beta";
      visitor.nats.subscribe(`skein.${org}.managed.*`, { callback: (_, { subject }) => said.push(subject) });
      await visitor.nats.flush();
    }
    const { position } = await table.put("skein.acme.managed.c", bytes("one"));
    const next = await table.put("skein.acme.managed.d", bytes("two"), { expected: 0 });
    await expect.poll(() => heard).toEqual(["skein.acme.managed.c", "skein.acme.managed.d"]);
    expect(next.position).toBe(position + 1);
    expect(overheard).toEqual([]);
  });

  test("says heartbeats, and is asked by gateways until it is gone", async () => {
    const heard = Promise.withResolvers<string>();
    const stop = gateway.subscribe("skein.*.heartbeats.*", ({ subject }) => heard.resolve(subject));
    await gateway.flush();
    const question = supervisorSubject("acme", "n1");
    await expect(ask(gateway, question, "?")).rejects.toMatchObject({ code: "no_responder" });
    const node = await openAs("acme-node");
    const silence = node.reply(question, async ({ data }) => bytes(`${text(data)} yourself`));
    await node.flush();
    node.publish(heartbeatSubject("acme", "n1"), bytes("{}"));
    expect(await heard.promise).toBe("skein.acme.heartbeats.n1");
    expect(await ask(gateway, question, "?")).toBe("? yourself");
    silence();
    await node.flush();
    await expect(ask(gateway, question, "?")).rejects.toMatchObject({ code: "no_responder" });
    stop();
  });

  test("hands the reason of a refusal on to the gateway that asked", async () => {
    const node = await openAs("acme-node");
    const silence = node.reply(supervisorSubject("acme", "n2"), async () => {
      throw new Failure("conflict", "It runs already");
    });
    await node.flush();
    const asking = ask(gateway, supervisorSubject("acme", "n2"), "{}");
    await expect(asking).rejects.toMatchObject({ code: "conflict", message: "It runs already" });
    silence();
  });

  test("finds out at its start whether another node of the org has its name", async () => {
    const [one, other] = [await openAs("acme-node"), await openAs("acme-node")];
    await expect(ask(one, supervisorSubject("acme", "n3"), "")).rejects.toMatchObject({ code: "no_responder" });
    const silence = other.reply(supervisorSubject("acme", "n3"), async () => bytes("here"));
    await other.flush();
    expect(await ask(one, supervisorSubject("acme", "n3"), "")).toBe("here");
    silence();
  });
});

test("A supervisor runs instances as a node, says so in its rows, and does what gateways ask of it", async () => {
  const directory = mkdtempSync(join(tmpdir(), "skein-node-"));
  const recorder = new Recorder();
  const stop = table.follow(recorder);
  const supervisor = new Supervisor({
    bus: await openAs("acme-node"),
    org: "acme",
    node: "n6",
    templates: parseTemplates({ sleeper: { command: "sleep", args: ["1000"] } }),
    directory,
    clock: systemClock,
    environment: { PATH: process.env.PATH },
    report: (trouble) => troubles.push(trouble),
  });
  await supervisor.start();
  const order = (command: object) => ask(gateway, supervisorSubject("acme", "n6"), JSON.stringify(command));
  const row = managedSubject("acme", "slept");
  const status = () => JSON.parse(recorder.rows.get(row) || "{}").status;
  await order({ command: "create", name: "slept", template: "sleeper" });
  await order({ command: "start", name: "slept" });
  await recorder.until(() => status() === "running");
  await order({ command: "stop", name: "slept" });
  await recorder.until(() => status() === "stopped");
  await order({ command: "delete", name: "slept" });
  await recorder.until(({ rows }) => !rows.get(row));
  stop();
  await supervisor.close();
  rmSync(directory, { recursive: true });
});

test("A gateway that runs instances itself is asked beside the nodes of the org's own account", async () => {
  const runner = await openAs("gateway");
  const node = await openAs("acme-node");
  const silences = [
    runner.reply("skein.*.supervisors.g1", async () => bytes("a gateway")),
    node.reply(supervisorSubject("acme", "n4"), async () => bytes("a node")),
  ];
  for (const bus of [runner, node]) await bus.flush();
  for (const asker of [gateway, runner]) {
    expect(await ask(asker, supervisorSubject("acme", "g1"), "?")).toBe("a gateway");
    expect(await ask(asker, supervisorSubject("acme", "n4"), "?")).toBe("a node");
    const asking = ask(asker, supervisorSubject("acme", "n5"), "?");
    await expect(asking).rejects.toMatchObject({ code: "no_responder" });
  }
  for (const silence of silences) silence();
});

test("A logs agent tells gateways of a log and the lines that come", async () => {
  const folder = mkdtempSync(join(tmpdir(), "skein-logs-"));
  const file = join(folder, "a.log");
  writeFileSync(file, "one\n");
  const news = Promise.withResolvers<string>();
  const stops = [gateway.subscribe("skein.*.log_agents", ({ subject }) => news.resolve(subject))];
  await gateway.flush();
  const agent = new LogsAgent({
    bus: await openAs("acme-logs"),
    org: "acme",
    pattern: new LogPattern(join(folder, "{name}.log")),
    files: diskFiles,
    clock: systemClock,
    redaction: new Redaction([]),
    limits: { batchMs: 0, batchBytes: 65_536, maxLineBytes: 65_536, flushPartialMs: 500, maxFollowed: 10 },
    report: (trouble) => troubles.push(trouble),
  });
  await agent.start();
  expect(await news.promise).toBe("skein.acme.log_agents");
  const { steps, requests } = logSubjects("acme", "a");
  const question = async (asked: object) => JSON.parse(await ask(gateway, requests, JSON.stringify(asked)));
  expect(await question({ op: "backlog", lines: 10 })).toMatchObject({ lines: ["one"] });
  const said = Promise.withResolvers<string>();
  stops.push(gateway.subscribe("skein.*.logs.*", ({ subject, data }) => said.resolve(`${subject} ${text(data)}`)));
  await question({ op: "follow", by: "g" });
  appendFileSync(file, "two\n");
  expect(await said.promise).toContain(`${steps} {"lines":["two"]`);
  for (const stop of stops) stop();
  await agent.close();
  rmSync(folder, { recursive: true });
});

describe("A publisher", () => {
  test("stores rows with JetStream's word for it, and gateways see them", async () => {
    const recorder = new Recorder();
    const stop = table.follow(recorder);
    await recorder.until(({ levels }) => levels === 1);
    await using publisher = await Visitor.connect(locked, "acme-publisher");
    const ack = await publisher.nats.request("skein.acme.instances.b", '{"status":"running"}');
    expect(ack.json()).toMatchObject({ stream: "SKEIN_INSTANCES" });
    await recorder.until(({ rows }) => rows.has("skein.acme.instances.b"));
    expect(recorder.rows.get("skein.acme.instances.b")).toBe('{"status":"running"}');
    stop();
  });

  test("of the library has its events stored, in its org and under its id", async () => {
    const { url, certificates = {}, inboxPrefix = "" } = locked.optionsOf("beta-publisher");
    const drops: string[] = [];
    const onDrop = ({ failure }: { failure: Error }) => drops.push(failure.message);
    const where = { nats: url, certificates, inboxPrefix, org: "beta", onExit: "nothing", onDrop } as const;
    await using publisher = await connectPublisher(where);
    const runs = await gateway.journal({ name: "runs", subjects: ["skein.*.runs.*"], keepMs: 7 * 86_400_000 });
    await publisher.run("r1").boot();
    const { last } = await runs.bounds();
    const [newest] = (await runs.recent({ subject: "skein.beta.runs.r1", upTo: last, limit: 1 })).messages;
    expect(JSON.parse(text(newest?.data ?? bytes("{}")))).toMatchObject({ type: "boot" });
    expect(drops).toEqual([]);
  });
});

test("An agent takes its messages and answers, once for each and to no other", async () => {
  const subject = inboxSubject("acme", "planner");
  await expect(ask(gateway, subject, "{}")).rejects.toMatchObject({ code: "no_responder" });
  await using planner = await Visitor.connect(locked, "acme-planner");
  const replies: string[] = [];
  planner.nats.subscribe(subject, {
    callback: (_, message) => {
      replies.push(message.reply ?? "");
      message.respond("ack");
    },
  });
  await planner.nats.flush();
  expect(await ask(gateway, subject, "{}")).toBe("ack");
  const [reply = ""] = replies;
  expect(reply).toMatch(/^_INBOX\.gateway\./);
  expect(await planner.mayPublish(reply)).toBe(false);
  expect(await planner.mayPublish(`${reply}x`)).toBe(false);
});
