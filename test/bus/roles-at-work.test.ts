import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Bus } from "../../src/bus/bus.ts";
import { openNatsBus } from "../../src/bus/nats.ts";
import { LogsAgent } from "../../src/logs/agent.ts";
import { diskFiles } from "../../src/logs/disk.ts";
import { LogPattern } from "../../src/logs/pattern.ts";
import { Redaction } from "../../src/logs/redact.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { supervisorSubject } from "../../src/protocol/instance.ts";
import { inboxSubject } from "../../src/protocol/letter.ts";
import { logSubjects } from "../../src/protocol/log.ts";
import { Station } from "../supervisor/station.ts";
import { type LockedNats, startLockedNats } from "../support/locked-nats.ts";
import { bytes, Recorder, stateOf, text } from "./recorder.ts";
import { Visitor } from "./visitor.ts";

const instances = { name: "instances", subjects: ["skein.*.instances.*", "skein.*.managed.*"] };

let locked: LockedNats;
let gateway: Bus;
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
  locked = await startLockedNats();
  ends.push(async () => locked[Symbol.asyncDispose]());
  gateway = await openAs("gateway");
  await gateway.table(instances);
});

afterAll(async () => {
  for (const end of ends.toReversed()) await end();
});

test("a node runs instances, says so, and does what gateways ask of it", async () => {
  const bus = await openAs("acme-node");
  await using station = await Station.open(async () => ({ bus, [Symbol.asyncDispose]: async () => {} }), gateway);
  const heard = Promise.withResolvers<string>();
  const stop = gateway.subscribe("skein.*.heartbeats.*", ({ subject }) => heard.resolve(subject));
  await station.supervise();
  expect(await heard.promise).toBe("skein.acme.heartbeats.n1");
  stop();
  const order = (command: object) =>
    gateway.request(supervisorSubject("acme", "n1"), bytes(JSON.stringify(command)), 5_000);
  await order({ command: "create", name: "a", template: "sleeper" });
  await order({ command: "start", name: "a" });
  await station.untilStatus("a", "running");
  await order({ command: "stop", name: "a" });
  await station.untilStatus("a", "stopped");
  // The node hears at once what others write there.
  await (await gateway.table(instances)).put(station.subject("a"), bytes(""));
  await station.untilDeleted("a");
  await station.untilStatus("a", "stopped");
  await order({ command: "delete", name: "a" });
  await station.untilDeleted("a");
  expect([troubles, station.troubles]).toEqual([[], []]);
});

test("a logs agent tells gateways of a log and the lines that come", async () => {
  const folder = mkdtempSync(join(tmpdir(), "skein-logs-"));
  const file = join(folder, "a.log");
  writeFileSync(file, "one\n");
  const news = Promise.withResolvers<string>();
  const stops = [gateway.subscribe("skein.*.log_agents", ({ subject }) => news.resolve(subject))];
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
  const ask = async (question: object) =>
    JSON.parse(text(await gateway.request(requests, bytes(JSON.stringify(question)), 5_000)));
  expect(await ask({ op: "backlog", lines: 10 })).toMatchObject({ lines: ["one"] });
  const said = Promise.withResolvers<string>();
  stops.push(gateway.subscribe("skein.*.logs.*", ({ subject, data }) => said.resolve(`${subject} ${text(data)}`)));
  await ask({ op: "follow", by: "g" });
  appendFileSync(file, "two\n");
  expect(await said.promise).toContain(`${steps} {"lines":["two"]`);
  for (const stop of stops) stop();
  await agent.close();
  rmSync(folder, { recursive: true });
  expect(troubles).toEqual([]);
});

test("a publisher's records are stored with JetStream's word for it, and gateways see them", async () => {
  const recorder = new Recorder();
  const stop = (await gateway.table(instances)).follow(recorder);
  await recorder.until(({ levels }) => levels === 1);
  await using publisher = await Visitor.connect(locked, "acme-publisher");
  const ack = await publisher.nats.request("skein.acme.instances.b", '{"status":"running"}');
  expect(ack.json()).toMatchObject({ stream: "SKEIN_INSTANCES" });
  await recorder.until(({ rows }) => rows.has("skein.acme.instances.b"));
  expect(recorder.rows.get("skein.acme.instances.b")).toBe('{"status":"running"}');
  stop();
});

test("an agent takes its messages and answers, once for each and to nobody else", async () => {
  await using planner = await Visitor.connect(locked, "acme-planner");
  const replies: string[] = [];
  planner.nats.subscribe(inboxSubject("acme", "planner"), {
    callback: (_, message) => {
      replies.push(message.reply ?? "");
      message.respond("ack");
    },
  });
  await planner.nats.flush();
  expect(text(await gateway.request(inboxSubject("acme", "planner"), bytes("{}"), 5_000))).toBe("ack");
  const [reply = ""] = replies;
  expect(reply).toMatch(/^_INBOX\.gateway\./);
  expect(await planner.mayPublish(reply)).toBe(false);
  expect(await planner.mayPublish(`${reply}x`)).toBe(false);
});
