import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "nats";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Bus } from "../../src/bus/bus.ts";
import { openNatsBus } from "../../src/bus/nats.ts";
import { storeOf } from "../../src/stream/subject.ts";
import { productStreams } from "../../src/streams/all.ts";
import { type LockedNats, productionConf, Secrets, startLockedNats } from "../support/locked-nats.ts";
import { startNatsServer } from "../support/nats-server.ts";
import { bytes, Recorder, stateOf, text } from "./recorder.ts";
import { Visitor } from "./visitor.ts";

const day = 86_400_000;
const tables = ["INSTANCES", "LETTERS", "MISSION", "REVOKED", "SWARM"];
/** Tables that nobody follows. */
const unread = ["PAYLOADS"];
const journals = ["AGENTS", "ATTACKS_JOBS", "CRACKS", "GRAPH", "MESSAGES", "REJECTED", "RUNS", "TASKS", "TICKETS"];

let locked: LockedNats;
let gateway: Bus;
const buses: Bus[] = [];

async function openAs(user: string): Promise<Bus> {
  const bus = await openNatsBus(locked.optionsOf(user));
  await stateOf(bus, "up");
  buses.push(bus);
  return bus;
}

beforeAll(async () => {
  locked = await startLockedNats();
  gateway = await openAs("gateway");
  await gateway.table({ name: "instances", subjects: ["skein.*.instances.*", "skein.*.managed.*"] });
  await gateway.journal({ name: "runs", subjects: ["skein.*.runs.*"], keepMs: 7 * day });
});

afterAll(async () => {
  for (const bus of buses) await bus.close();
  await locked[Symbol.asyncDispose]();
});

/** What nobody may do to JetStream but admins, with the name of the act. */
const destruction = ["DELETE", "PURGE", "SNAPSHOT", "RESTORE", "LEADER.STEPDOWN"].flatMap((verb) =>
  [...tables, ...unread, ...journals].map((name) => `$JS.API.STREAM.${verb}.SKEIN_${name}`),
);
const others = [
  "$JS.API.STREAM.CREATE.OTHER",
  "$JS.API.STREAM.LIST",
  "$JS.API.STREAM.NAMES",
  "$JS.API.CONSUMER.CREATE.OTHER.c",
  "$JS.API.CONSUMER.DURABLE.CREATE.SKEIN_RUNS.c",
  "$JS.API.CONSUMER.LIST.SKEIN_RUNS",
  "$JS.API.DIRECT.GET.SKEIN_LETTERS",
  "$JS.API.META.LEADER.STEPDOWN",
  "$SYS.REQ.SERVER.PING",
  "$SYS.REQ.ACCOUNT.SKEIN.CONNZ",
  "_INBOX.admin.x.1",
  "elsewhere",
];
/** What only gateways may do to JetStream. */
const reading = [...tables, ...unread, ...journals].flatMap((name) => [
  `$JS.API.STREAM.CREATE.SKEIN_${name}`,
  `$JS.API.STREAM.UPDATE.SKEIN_${name}`,
  `$JS.API.STREAM.MSG.DELETE.SKEIN_${name}`,
  `$JS.API.CONSUMER.MSG.NEXT.SKEIN_${name}.c`,
  `$JS.API.DIRECT.GET.SKEIN_${name}`,
  ...["acme.instances", "acme.managed", "other.managed"].map(
    (tail) => `$JS.API.DIRECT.GET.SKEIN_${name}.skein.${tail}.a`,
  ),
]);
/** What only gateways may do to some streams. */
const readingOne = (name: string) => [
  `$JS.API.STREAM.INFO.SKEIN_${name}`,
  `$JS.API.STREAM.MSG.GET.SKEIN_${name}`,
  `$JS.API.CONSUMER.CREATE.SKEIN_${name}`,
  `$JS.API.CONSUMER.CREATE.SKEIN_${name}.c`,
  `$JS.API.CONSUMER.CREATE.SKEIN_${name}.c.skein.acme.>`,
  `$JS.API.CONSUMER.DELETE.SKEIN_${name}.c`,
];
const events = ["instances.a", "runs.a", "messages.a", "graph.a", "mission.a", "tasks.a", "attacks.a", "jobs.a"];
const moreEvents = ["agents.a", "cracks.a", "swarm.agents.a", "swarm.tasks.a"];
const own = (org: string, tails: readonly string[]) => tails.map((tail) => `skein.${org}.${tail}`);
const asked = ["supervisors.a", "log_requests.a", "inbox.planner", "gateways.a"];
const logs = ["logs.a", "log_agents"];
/** What belongs to gateways, in every org. */
const inner = [
  "letters.a",
  "payloads.a",
  "tickets.a",
  "revoked.jti.a",
  "revoked.all",
  "rejected.runs.a",
  "gateways.a",
  "inbox.a",
];
const everything = [...events, ...moreEvents, ...asked, ...logs, ...inner, "heartbeats.a", "managed.a"];
/** Names by which somebody might slip through. */
const odd = [
  "skein.acme",
  "skein",
  "skein.acmee.runs.a",
  "skein.ACME.runs.a",
  "skein.>",
  "skein.*.runs.a",
  "skein.acme.*.a",
];

/** What each role may publish, and hear, of all of the above. */
const roles: Readonly<Record<string, { readonly publish: readonly string[]; readonly hear: readonly string[] }>> = {
  "acme-node": {
    publish: [
      ...own("acme", ["managed.a", "heartbeats.a", "supervisors.a", ...logs]),
      "$JS.API.DIRECT.GET.SKEIN_INSTANCES.skein.acme.managed.a",
    ],
    hear: own("acme", ["managed.a", "supervisors.a", "log_requests.a"]),
  },
  "acme-logs": { publish: own("acme", logs), hear: own("acme", ["log_requests.a"]) },
  "acme-publisher": { publish: own("acme", [...events, ...moreEvents]), hear: [] },
  "acme-planner": { publish: [], hear: own("acme", ["inbox.planner"]) },
};

describe.each(Object.entries(roles))("The user %s", (user, may) => {
  test("may publish what its role is for and nothing else, in its org or in any other", async () => {
    await using visitor = await Visitor.connect(locked, user);
    const subjects = [
      ...["acme", "other", "default"].flatMap((org) => own(org, everything)),
      ...odd,
      ...destruction,
      ...others,
      ...reading,
      ...[...tables, ...unread, ...journals].flatMap(readingOne),
      ...["gateway", ...Object.keys(roles)].map((other) => `_INBOX.${other}.x.1`),
    ];
    const published: string[] = [];
    for (const subject of new Set(subjects)) if (await visitor.mayPublish(subject)) published.push(subject);
    expect(published.toSorted()).toEqual(may.publish.toSorted());
  });

  test("may hear what its role is for and its own inbox, and nobody else's", async () => {
    await using visitor = await Visitor.connect(locked, user);
    const subjects = [
      ...["acme", "other", "default", "*"].flatMap((org) =>
        own(org, [...everything, "inbox.*", "letters.*", "payloads.*", ">"]),
      ),
      ...["gateway", "admin", "*", ...Object.keys(roles)].map((other) => `_INBOX.${other}.>`),
      ...[">", "*.>", "skein.>", "_INBOX.>", "$JS.>", "$JS.API.>", "$JS.EVENT.>", "$SYS.>"],
    ];
    const heard: string[] = [];
    for (const subject of new Set(subjects)) if (await visitor.mayHear(subject)) heard.push(subject);
    expect(heard.toSorted()).toEqual([...may.hear, `_INBOX.${user}.>`].toSorted());
  });
});

describe("The gateway", () => {
  test("may neither purge nor delete a stream, nor touch one that is not its own", async () => {
    await using visitor = await Visitor.connect(locked, "gateway");
    const kept = journals.flatMap((name) => [
      `$JS.API.STREAM.MSG.DELETE.SKEIN_${name}`,
      `$JS.API.STREAM.MSG.GET.SKEIN_${name}`,
    ]);
    for (const subject of [...destruction, ...others, ...kept]) {
      expect([subject, await visitor.mayPublish(subject)]).toEqual([subject, false]);
    }
  });

  test("may hear no letters, no inbox of an agent and nobody else's answers", async () => {
    await using visitor = await Visitor.connect(locked, "gateway");
    const foreign = ["_INBOX.>", "_INBOX.acme-planner.>", ">", "skein.>", "$SYS.>", "$JS.API.>"];
    for (const subject of [...foreign, ...own("*", ["inbox.*", "letters.*", "payloads.*", "tickets.*", "revoked.>"])]) {
      expect([subject, await visitor.mayHear(subject)]).toEqual([subject, false]);
    }
  });

  test("keeps tickets and revocations", async () => {
    const tickets = await gateway.journal({ name: "tickets", subjects: ["skein.*.tickets.*"], keepMs: 900_000 });
    const { position } = await tickets.append("skein.acme.tickets.t1", bytes("one"), "t1");
    expect(await tickets.append("skein.acme.tickets.t1", bytes("one"), "t1")).toEqual({ position, duplicate: true });
    const newest = await tickets.recent({ subject: "skein.acme.tickets.t1", upTo: position, limit: 1 });
    expect(newest.map(({ data }) => text(data))).toEqual(["one"]);
    const revoked = await gateway.table({ name: "revoked", subjects: ["skein.*.revoked.>"] });
    const recorder = new Recorder();
    const stop = revoked.follow(recorder);
    await recorder.until(({ levels }) => levels === 1);
    await revoked.put("skein.acme.revoked.jti.a", bytes("{}"));
    await recorder.until(({ messages }) => messages.length === 1);
    expect(text((await revoked.get("skein.acme.revoked.jti.a"))?.data ?? bytes(""))).toBe("{}");
    stop();
  });

  test("answers other gateways", async () => {
    const other = await openAs("gateway");
    const stop = gateway.reply("skein.*.gateways.one", async ({ data }) => bytes(`heard ${text(data)}`));
    await gateway.flush();
    expect(text(await other.request("skein.acme.gateways.one", bytes("hello"), 2_000))).toBe("heard hello");
    stop();
  });

  test("may make every store of the product's streams", () => {
    const stores = productStreams.flatMap((stream) =>
      stream.kind === "table" || stream.kind === "feed" ? [storeOf(stream).name] : [],
    );
    for (const store of stores) {
      expect(productionConf).toContain(
        `"$JS.API.STREAM.CREATE.SKEIN_${store.toUpperCase().replace(/[^A-Z0-9_-]/g, "_")}"`,
      );
    }
  });
});

describe("The configuration for production", () => {
  test("has for each store what the manual says that a store of one's own needs", () => {
    const manual = readFileSync(new URL("../../docs/operating.md", import.meta.url), "utf8");
    const [ofGateways = ""] = productionConf.split('user: "acme-node"');
    const needs = (store: string) => ofGateways.match(new RegExp(`"\\$JS[^"]*\\.SKEIN_${store}\\b[^"]*"`, "g")) ?? [];
    const manualNeeds = (store: string) => manual.match(new RegExp(`"\\$JS[^"]*\\.SKEIN_${store}\\b[^"]*"`, "g")) ?? [];
    const named = (found: string[]) => found.map((one) => one.replace(/SKEIN_[A-Z_]+/, "SKEIN_X")).toSorted();
    for (const store of tables) expect(named(needs(store))).toEqual(named(manualNeeds("HOSTS")));
    const reads = /CONSUMER/;
    for (const store of unread) {
      expect(named(needs(store))).toEqual(named(manualNeeds("HOSTS").filter((subject) => !reads.test(subject))));
    }
    for (const store of journals) expect(named(needs(store))).toEqual(named(manualNeeds("DEPLOYS")));
    expect(manualNeeds("HOSTS")).toHaveLength(8);
  });

  test("lets nobody in without a password or without TLS", async () => {
    const { server, secrets } = locked;
    const servers = [`127.0.0.1:${server.port}`];
    const tls = secrets.certificatesOf("gateway");
    const login = { servers, reconnect: false };
    await expect(connect({ ...login, tls })).rejects.toMatchObject({ code: "AUTHORIZATION_VIOLATION" });
    await expect(connect({ ...login, tls, user: "gateway" })).rejects.toMatchObject({
      code: "AUTHORIZATION_VIOLATION",
    });
    await expect(connect({ ...login, user: "gateway", pass: secrets.passwordOf("gateway") })).rejects.toThrow();
  });

  // Deno 2.9 may end the process when a server refuses its certificate.
  test.skipIf("Deno" in globalThis)("lets nobody in without a certificate", async () => {
    const { server, secrets } = locked;
    const login = { user: "gateway", pass: secrets.passwordOf("gateway"), reconnect: false };
    const tls = { ca: secrets.read("ca.pem") };
    await expect(connect({ ...login, servers: [`127.0.0.1:${server.port}`], tls })).rejects.toThrow();
  });

  test("takes a bcrypt hash for a password, which is not the password then", async () => {
    const secrets = new Secrets();
    const file = secrets.path("nats.conf");
    writeFileSync(file, productionConf);
    // Of the word "swordfish".
    const hash = "$2a$04$W2zko751KUvVy59mUTWmpO7pShvxu1R.HfgMCEUVh7V68C5PAm5xe";
    const env = { ...secrets.passwords, SKEIN_NATS_GATEWAY_PASSWORD: hash };
    const server = await startNatsServer({ config: { file, env } });
    const tls = secrets.certificatesOf("gateway");
    const login = { servers: [`127.0.0.1:${server.port}`], reconnect: false, tls, user: "gateway" };
    await (await connect({ ...login, pass: "swordfish" })).close();
    await expect(connect({ ...login, pass: hash })).rejects.toMatchObject({ code: "AUTHORIZATION_VIOLATION" });
    await server.stop();
    secrets.remove();
  });

  test("does not start while one of its passwords is missing", async () => {
    const { secrets } = locked;
    const env = { ...secrets.passwords, SKEIN_NATS_ACME_NODE_PASSWORD: undefined };
    const starting = startNatsServer({ config: { file: secrets.path("nats.conf"), env } });
    await expect(starting).rejects.toThrow("SKEIN_NATS_ACME_NODE_PASSWORD");
  });

  test("lets an admin delete a stream, which is there again for the next gateway", async () => {
    const { server, secrets } = locked;
    const nats = await connect({
      servers: [`127.0.0.1:${server.port}`],
      user: "admin",
      pass: secrets.passwordOf("admin"),
      tls: secrets.certificatesOf("admin"),
    });
    const answer = await nats.request("$JS.API.STREAM.DELETE.SKEIN_RUNS");
    expect(answer.json()).toMatchObject({ success: true });
    await nats.close();
    const runs = await (await openAs("gateway")).journal({
      name: "runs",
      subjects: ["skein.*.runs.*"],
      keepMs: 7 * day,
    });
    expect(await runs.bounds()).toMatchObject({ first: 1, last: 0 });
  });
});
