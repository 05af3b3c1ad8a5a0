import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { usersOf } from "../../src/bus/layout.ts";
import { publishableBy, publishProbes } from "../../src/bus/layout-probes.ts";
import { confFor } from "../support/locked-nats.ts";
import { deeds, flags, layout, replies, Siege, victims } from "./attacker.ts";
import { Visitor } from "./visitor.ts";

const attackers = usersOf(layout).filter((user) => !layout.gateways.includes(user));

let siege: Siege;
beforeAll(async () => {
  siege = await Siege.begin(confFor(flags));
});
afterAll(() => siege[Symbol.asyncDispose]());

describe.each(attackers.map((user) => [user.name, user] as const))("%s", (name, user) => {
  const own = publishableBy(user, publishProbes(layout));

  test("changes nothing but what is its own by what it publishes", async () => {
    await using visitor = await Visitor.connect(siege.locked, name);
    const changes = await siege.changesOf(user, async () => {
      for (const subject of [...victims, ...publishProbes(layout)]) visitor.nats.publish(subject, '{"by":"attacker"}');
      for (const [subject, body] of deeds) visitor.nats.publish(subject, body);
      await siege.settled(visitor, user);
    });
    expect(changes).toEqual([]);
  });

  test("changes nothing by naming what others own as the place for an answer", async () => {
    await using visitor = await Visitor.connect(siege.locked, name);
    const changes = await siege.changesOf(user, async () => {
      for (const subject of own) {
        // JetStream answers with the sequence of the message, and a reader of one row gets what it wrote there itself.
        for (const reply of replies) visitor.nats.publish(subject, '{"seq":1}', { reply });
        await visitor.nats.flush();
      }
      await siege.settled(visitor, user);
    });
    expect(changes).toEqual([]);
  });
});

test("a node cannot have a row that it wrote arrive as a request to JetStream", async () => {
  await using visitor = await Visitor.connect(siege.locked, "acme-node");
  const [user] = attackers.filter(({ name }) => name === "acme-node");
  if (!user) throw new Error("There is no node");
  const changes = await siege.changesOf(user, async () => {
    for (const [subject, body] of deeds) {
      await visitor.nats.request("skein.acme.managed.evil", body === "" ? "{}" : body);
      const row = "$JS.API.DIRECT.GET.SKEIN_INSTANCES.skein.acme.managed.evil";
      visitor.nats.publish(row, "", { reply: subject });
      for (const reply of victims) visitor.nats.publish(row, "", { reply });
    }
    await siege.settled(visitor, user);
  });
  expect(changes).toEqual([]);
});

test("a publisher's answers reach neither a node nor an agent, whatever subject it names for them", async () => {
  await using node = await Visitor.connect(siege.locked, "acme-node");
  await using planner = await Visitor.connect(siege.locked, "acme-planner");
  await using publisher = await Visitor.connect(siege.locked, "acme-publisher");
  const heard: string[] = [];
  const listeners = [
    ...["supervisors.*", "log_requests.*", "managed.*"].map((tail) => [node, tail] as const),
    [planner, "inbox.planner"] as const,
  ];
  for (const [visitor, tail] of listeners) {
    visitor.nats.subscribe(`skein.acme.${tail}`, { callback: (_, { subject }) => heard.push(subject) });
    await visitor.nats.flush();
  }
  for (const tail of ["supervisors.n1", "log_requests.a", "managed.a", "inbox.planner"]) {
    publisher.nats.publish("skein.acme.runs.a", "{}", { reply: `skein.acme.${tail}` });
  }
  await publisher.nats.request("skein.acme.runs.a", "{}");
  // What a gateway says comes after all of that.
  siege.admin.publish("skein.acme.inbox.planner", "last");
  siege.admin.publish("skein.acme.supervisors.n1", "last");
  await expect.poll(() => heard.toSorted()).toEqual(["skein.acme.inbox.planner", "skein.acme.supervisors.n1"]);
});
