import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Bus } from "../../src/bus/bus.ts";
import { type User, usersOf } from "../../src/bus/layout.ts";
import { audibleTo, hearProbes, publishableBy, publishProbes } from "../../src/bus/layout-probes.ts";
import { openNatsBus } from "../../src/bus/nats.ts";
import { orgRoles } from "../../src/bus/roles.ts";
import { matches } from "../../src/protocol/subject.ts";
import { withRooms } from "../../src/stream/rooms.ts";
import { storeOf } from "../../src/stream/subject.ts";
import { productStreams } from "../../src/streams/all.ts";
import { confFor, type LockedNats, startLockedNats } from "../support/locked-nats.ts";
import { flags, layout } from "./attacker.ts";
import { bytes, Recorder, stateOf, text } from "./recorder.ts";
import { makeStreams } from "./stream-states.ts";
import { Visitor } from "./visitor.ts";

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
  locked = await startLockedNats(confFor(flags));
  gateway = await openAs("gateway");
  await makeStreams(gateway);
});

afterAll(async () => {
  for (const bus of buses) await bus.close();
  await locked[Symbol.asyncDispose]();
});

const restricted = usersOf(layout).filter(({ publish }) => publish !== undefined);

describe.each(restricted.map((user) => [user.name, user] as const))("The user %s", (name, user) => {
  const [subjects, patterns] = [publishProbes(layout), hearProbes(layout)];

  test("may publish what the table of roles says and nothing else, in its org or in any other", async () => {
    await using visitor = await Visitor.connect(locked, name);
    const published: string[] = [];
    for (const subject of subjects) if (await visitor.mayPublish(subject)) published.push(subject);
    expect(published.toSorted()).toEqual(publishableBy(user, subjects).toSorted());
  });

  test("may hear what the table of roles says and its own inbox, and no other", async () => {
    await using visitor = await Visitor.connect(locked, name);
    const heard: string[] = [];
    for (const pattern of patterns) if (await visitor.mayHear(pattern)) heard.push(pattern);
    expect(heard.toSorted()).toEqual(audibleTo(user, patterns).toSorted());
    expect(heard).toContain(`_INBOX.${name}.>`);
  });
});

/** What a role writes, in words that do not come from the table. */
const writes: Readonly<Record<string, readonly string[]>> = {
  node: ["managed.a"],
  logs: [],
  agent: [],
  publisher: [
    ...["instances.a", "runs.a", "messages.a", "graph.a", "mission.a", "tasks.a", "attacks.a", "jobs.a", "agents.a"],
    ...["cracks.a", "swarm.agents.a", "swarm.tasks.a"],
  ],
};
const stored = [
  ...Object.values(writes).flat(),
  ...[
    "letters.a",
    "payloads.a",
    "tickets.a",
    "revoked.jti.a",
    "revoked.all",
    "rejected.runs.a",
    "gateways.a",
    "inbox.a",
  ],
];

describe("The table of roles", () => {
  test.each(orgRoles.map((role) => [role.title, role] as const))("lets a %s write what it is for alone", (_, role) => {
    const may = stored.filter((tail) => role.writes.some((pattern) => matches(pattern, tail)));
    expect(may.toSorted()).toEqual(writes[role.name]?.toSorted());
  });

  test("lets publishers write every stream of the product that has a store", () => {
    const stores = withRooms(productStreams).flatMap((one) =>
      one.kind === "table" || one.kind === "feed" ? [storeOf(one)] : [],
    );
    const tails = stores.flatMap(({ subjects }) => subjects).map((subject) => subject.replace("skein.*.", ""));
    const published = orgRoles.find(({ name }) => name === "publisher")?.writes ?? [];
    // Rows that nodes own are theirs alone.
    expect(new Set(published)).toEqual(new Set(tails.filter((tail) => !tail.startsWith("managed."))));
  });

  test("names every store that a gateway makes, and no other", async () => {
    await using admin = await Visitor.connect(locked, "admin");
    const { streams } = (await admin.nats.request("$JS.API.STREAM.NAMES")).json<{ streams: string[] }>();
    const named = layout.stores.map(({ name }) => `SKEIN_${name.toUpperCase()}`);
    expect(named.toSorted()).toEqual(streams.toSorted());
  });

  test("gives each role of each org an account, with the users of that role alone", () => {
    const accounts = layout.accounts.map(({ name, users }) => [name, users.map((user: User) => user.name)]);
    expect(Object.fromEntries(accounts)).toEqual({
      ACME_NODE: ["acme-node"],
      ACME_LOGS: ["acme-logs"],
      ACME_PUBLISHER: ["acme-publisher"],
      ACME_AGENT: ["acme-planner"],
      BETA_NODE: ["beta-node"],
      BETA_LOGS: ["beta-logs"],
      BETA_PUBLISHER: ["beta-publisher"],
      BETA_AGENT: ["beta-critic"],
    });
    for (const { org, imports } of layout.accounts) {
      const foreign = imports.filter(
        ({ subject }) => !subject.includes(`skein.${org}.`) && subject !== "_INBOX.gateway.>",
      );
      expect(foreign).toEqual([]);
    }
  });
});

describe("The gateway", () => {
  test("keeps tickets and revocations", async () => {
    const tickets = await gateway.journal({ name: "tickets", subjects: ["skein.*.tickets.*"], keepMs: 900_000 });
    const { position } = await tickets.append("skein.acme.tickets.t1", bytes("one"), "t1");
    expect(await tickets.append("skein.acme.tickets.t1", bytes("one"), "t1")).toEqual({ position, duplicate: true });
    const { messages: newest } = await tickets.recent({ subject: "skein.acme.tickets.t1", upTo: position, limit: 1 });
    expect(newest.map(({ data }) => text(data))).toEqual(["one"]);
    const revoked = await gateway.table({ name: "revoked", subjects: ["skein.*.revoked.>"] });
    const recorder = new Recorder();
    const stop = revoked.follow(recorder);
    await recorder.until(({ levels }) => levels === 1);
    await revoked.put("skein.acme.revoked.jti.a", bytes("{}"));
    await recorder.until(({ rows }) => rows.has("skein.acme.revoked.jti.a"));
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
});
