import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Stored } from "../../src/bus/bus.ts";
import { openEmbeddedBus } from "../../src/bus/embedded.ts";
import { Fleet } from "../../src/fleet/fleet.ts";
import type { Clock, Stop } from "../../src/protocol/clock.ts";
import { heartbeatSubject, type InstanceStatus, supervisorSubject } from "../../src/protocol/instance.ts";
import { buses, type TestBus } from "../support/buses.ts";
import { ManualClock } from "../support/clock.ts";
import { echo, RemoteNode } from "../support/remote-node.ts";

const org = "default";
const utf8 = new TextEncoder();

/** Settles when the fleet has heard a node. */
async function heard(fleet: Fleet, node: string): Promise<void> {
  await vi.waitFor(async () => {
    expect(await fleet.nodes(org)).toContainEqual({ node, seen_at: expect.any(String), is_away: false });
  });
}

async function statusOf(fleet: Fleet, name: string): Promise<string> {
  const rows = await fleet.list(org);
  return rows.find((row) => row.name === name)?.status ?? "not there";
}

/** Settles when the fleet itself lists an instance so. */
async function listed(fleet: Fleet, name: string, status: InstanceStatus): Promise<void> {
  await vi.waitFor(async () => expect(await statusOf(fleet, name)).toBe(status));
}

describe.each(buses)("over %s", (_, openBus) => {
  let testBus: TestBus;
  let clock: ManualClock;
  let fleet: Fleet;
  let far: RemoteNode;
  let near: RemoteNode;
  const faults: unknown[] = [];
  const fleets: Fleet[] = [];
  /** All that was written since the test began, in order. */
  const written: Stored[] = [];
  let stop: Stop;

  const open = async (ownClock: Clock = clock) => {
    const opened = new Fleet({ bus: testBus.bus, clock: ownClock, report: (fault) => faults.push(fault) });
    fleets.push(opened);
    await opened.start();
    return opened;
  };

  const make = async (name: string, node: string) => {
    await fleet.create(org, { command: "create", name, template: "echo" }, node);
    await fleet.command(org, { command: "start", name });
  };

  const writtenOf = (name: string) =>
    written
      .filter(({ subject }) => subject.endsWith(`.${name}`))
      .map(({ data }) => JSON.parse(new TextDecoder().decode(data)) as { status: string });

  beforeEach(async () => {
    testBus = await openBus();
    clock = new ManualClock();
    fleet = await open();
    clock.pass(4000);
    far = await RemoteNode.start(testBus.bus, "far");
    near = await RemoteNode.start(testBus.bus, "near", [
      echo,
      { name: "cat", description: "", params: { tail: null } },
    ]);
    const table = await testBus.bus.table({ name: "instances", subjects: ["skein.*.instances.*"] });
    stop = table.follow({ begin() {}, level() {}, gap() {}, message: (stored) => written.push(stored) });
    await heard(fleet, "far");
    await heard(fleet, "near");
  });

  afterEach(async () => {
    stop();
    far.die();
    near.die();
    for (const one of fleets.splice(0)) one.close();
    await testBus[Symbol.asyncDispose]();
    written.length = 0;
    expect(faults.splice(0)).toEqual([]);
  });

  test("what runs on a node that has said nothing for three seconds is unknown", async () => {
    await make("a1", "far");
    await make("a2", "near");
    far.die();
    clock.pass(3000);
    near.beat();
    await vi.waitFor(async () =>
      expect((await fleet.nodes(org))[1]?.seen_at).toBe(new Date(clock.now()).toISOString()),
    );
    expect(await statusOf(fleet, "a1")).toBe("running");
    clock.pass(500);
    await listed(fleet, "a1", "unknown");
    expect(await fleet.nodes(org)).toMatchObject([
      { node: "far", is_away: true },
      { node: "near", is_away: false },
    ]);
    expect(await statusOf(fleet, "a2")).toBe("running");
    const [before, after] = writtenOf("a1").slice(-2);
    expect(after).toEqual({ ...before, status: "unknown" });
  });

  test.each(["starting", "running", "stopping"] as const)("one that was %s is unknown", async (status) => {
    await make("a1", "far");
    await far.turn("a1", status);
    await listed(fleet, "a1", status);
    far.die();
    clock.pass(3500);
    await listed(fleet, "a1", "unknown");
  });

  test.each(["stopped", "failed"] as const)("one that was %s is still so, whoever is away", async (status) => {
    await make("a1", "far");
    await make("witness", "far");
    await far.turn("a1", status);
    await listed(fleet, "a1", status);
    far.die();
    clock.pass(3500);
    await listed(fleet, "witness", "unknown");
    clock.pass(10_000);
    expect(await statusOf(fleet, "a1")).toBe(status);
  });

  test("when a node is back, what it says is true and stays so", async () => {
    await make("a1", "far");
    far.die();
    clock.pass(3500);
    await listed(fleet, "a1", "unknown");
    far.comeBack();
    await heard(fleet, "far");
    await far.turn("a1", "running");
    await listed(fleet, "a1", "running");
    clock.pass(1000);
    expect(writtenOf("a1").at(-1)).toMatchObject({ status: "running" });
  });

  test("of several gateways that notice it, one writes", async () => {
    await make("a1", "far");
    const others = await Promise.all([open(), open(), open()]);
    clock.pass(3000);
    far.beat();
    near.beat();
    for (const other of others) await heard(other, "far");
    for (const other of others) await listed(other, "a1", "running");
    far.die();
    clock.pass(3500);
    for (const one of [fleet, ...others]) await listed(one, "a1", "unknown");
    clock.pass(5000);
    await fleet.create(org, { command: "create", name: "last", template: "echo" }, "near");
    await vi.waitFor(() => expect(writtenOf("last")).toHaveLength(1));
    expect(writtenOf("a1").filter(({ status }) => status === "unknown")).toHaveLength(1);
  });

  test("a gateway that has just started listens for four seconds before it judges", async () => {
    await make("a1", "far");
    fleet.close();
    far.die();
    const late = await open();
    await listed(late, "a1", "running");
    clock.pass(3900);
    await late.list(org);
    expect(await late.nodes(org)).toContainEqual({ node: "far", seen_at: null, is_away: false });
    clock.pass(500);
    await listed(late, "a1", "unknown");
    expect(await late.nodes(org)).toContainEqual({ node: "far", seen_at: null, is_away: true });
  });

  test("a gateway that was asleep listens again before it judges", async () => {
    await make("a1", "far");
    let sleptMs = 0;
    const sleepy: Clock = {
      now: () => clock.now() + sleptMs,
      after: (ms, task) => clock.after(ms, task),
      every: (ms, task) => clock.every(ms, task),
    };
    fleet.close();
    const slow = await open(sleepy);
    clock.pass(2000);
    far.beat();
    await heard(slow, "far");
    clock.pass(2000);
    sleptMs = 60_000;
    clock.pass(500);
    expect(await slow.nodes(org)).toContainEqual(expect.objectContaining({ node: "far", is_away: false }));
    far.beat();
    await vi.waitFor(async () => {
      const [node] = await slow.nodes(org);
      expect(node?.seen_at).toBe(new Date(sleepy.now()).toISOString());
    });
    expect(writtenOf("a1").at(-1)).toMatchObject({ status: "running" });
  });

  test("a new instance comes where its template is and the fewest instances are", async () => {
    const places: unknown[] = [];
    for (const name of ["a1", "a2", "a3", "a4"]) {
      const { instance } = await fleet.create(org, { command: "create", name, template: "echo" });
      places.push(instance?.node);
    }
    expect(places).toEqual(["far", "near", "far", "near"]);
    await fleet.create(org, { command: "create", name: "a5", template: "cat" });
    expect(near.done).toContain("create a5");
  });

  test("nothing is made where nobody is", async () => {
    far.die();
    clock.pass(3000);
    near.beat();
    await vi.waitFor(async () =>
      expect((await fleet.nodes(org))[1]?.seen_at).toBe(new Date(clock.now()).toISOString()),
    );
    clock.pass(500);
    for (const name of ["a1", "a2"]) await fleet.create(org, { command: "create", name, template: "echo" });
    expect(near.done).toEqual(["create a1", "create a2"]);
    near.die();
    clock.pass(3500);
    await expect(fleet.create(org, { command: "create", name: "a3", template: "cat" })).rejects.toMatchObject({
      code: "node_away",
      message: "Node 'near', which has template 'cat', is away",
    });
    expect(await fleet.templates(org)).toEqual([]);
  });

  test("a template of two nodes is offered once, and twice when they describe it differently", async () => {
    const own = { ...echo, description: "Shouts what it hears" };
    using third = await RemoteNode.start(testBus.bus, "third", [own]);
    await heard(fleet, "third");
    const offers = await fleet.templates(org);
    expect(offers.filter(({ name }) => name === "echo")).toEqual([
      { ...echo, nodes: ["far", "near"] },
      { ...own, nodes: ["third"] },
    ]);
    expect(third.done).toEqual([]);
  });

  test("a command for a node that is away is refused at once, and the node is named", async () => {
    await make("a1", "far");
    far.die();
    const refused = { code: "node_away", message: "Node 'far' is away; nothing was done" };
    await expect(fleet.command(org, { command: "stop", name: "a1" })).rejects.toMatchObject(refused);
    await expect(fleet.command(org, { command: "delete", name: "a1" })).rejects.toMatchObject(refused);
    expect(await fleet.get(org, "a1")).toMatchObject({ name: "a1" });
  });

  test("an instance of a node that is away can be deleted by force, and its name is free", async () => {
    await make("a1", "far");
    far.die();
    expect(await fleet.forceDelete(org, { command: "delete", name: "a1" })).toEqual({
      instance: null,
      duplicate: false,
    });
    expect(await statusOf(fleet, "a1")).toBe("not there");
    await fleet.create(org, { command: "create", name: "a1", template: "echo" }, "near");
    expect(await fleet.get(org, "a1")).toMatchObject({ node: "near" });
  });

  test("by force means by its node while that is there", async () => {
    await make("a1", "far");
    await fleet.forceDelete(org, { command: "delete", name: "a1" });
    expect(far.done.at(-1)).toBe("delete a1");
  });

  test("a name that an instance of an absent node has is taken, also for one who asks with a key", async () => {
    await make("a1", "far");
    far.die();
    const again = { command: "create", name: "a1", template: "echo", id: "k" } as const;
    await expect(fleet.create(org, again)).rejects.toMatchObject({ code: "conflict" });
  });

  test("another org has its own instances and nodes", async () => {
    await make("a1", "far");
    expect(await fleet.list("other")).toEqual([]);
    expect(await fleet.nodes("other")).toEqual([]);
    expect(await fleet.templates("other")).toEqual([]);
    await expect(fleet.get("other", "a1")).rejects.toMatchObject({ code: "instance_not_found" });
    await expect(fleet.create("other", { command: "create", name: "a", template: "echo" })).rejects.toMatchObject({
      code: "unknown_template",
      message: "No node has a template 'echo'; no node offers any",
    });
  });

  test("who says what is no heartbeat is reported once and no node", async () => {
    const say = (text: string) => testBus.bus.publish(heartbeatSubject(org, "odd"), utf8.encode(text));
    for (const text of ["{", "{}", '{"node":"far","templates":[]}', '{"node":"odd","templates":[{"name":5}]}'])
      say(text);
    using _odd = await RemoteNode.start(testBus.bus, "after");
    await heard(fleet, "after");
    expect((await fleet.nodes(org)).map(({ node }) => node)).toEqual(["after", "far", "near"]);
    expect(faults.splice(0)).toEqual([
      expect.objectContaining({ message: expect.stringContaining("skein.default.heartbeats.odd") }),
    ]);
  });

  test("a record that is none leaves the instance as it was", async () => {
    await make("a1", "far");
    for (const body of [
      "{",
      "[]",
      "{}",
      '{"status":5}',
      '{"status":"up","name":"b"}',
      '{"status":"up","cursor":"x"}',
    ]) {
      await far.publish("a1", body);
    }
    await far.publish("witness", '{"status":"up"}');
    await vi.waitFor(async () => expect(await statusOf(fleet, "witness")).toBe("up"));
    expect(await statusOf(fleet, "a1")).toBe("running");
  });
});

test("a node that does not answer is called away after five seconds, and what it did is left open", async () => {
  const clock = new ManualClock();
  await using bus = disposable(await openEmbeddedBus({ file: ":memory:", clock }));
  const fleet = new Fleet({ bus, clock, report: console.error });
  await fleet.start();
  const asked = Promise.withResolvers<void>();
  bus.reply(supervisorSubject(org, "frozen"), () => {
    asked.resolve();
    return new Promise(() => {});
  });
  const answer = fleet.create(org, { command: "create", name: "a1", template: "echo" }, "frozen");
  await asked.promise;
  clock.pass(5000);
  await expect(answer).rejects.toMatchObject({
    code: "node_away",
    message: expect.stringMatching(/^Node 'frozen' did not answer; it may have done it or not/),
  });
  fleet.close();
});

test("a node that answers in words of another version is a defect, not an instance", async () => {
  const clock = new ManualClock();
  await using bus = disposable(await openEmbeddedBus({ file: ":memory:", clock }));
  const fleet = new Fleet({ bus, clock, report: console.error });
  await fleet.start();
  bus.reply(supervisorSubject(org, "odd"), async () => utf8.encode('{"record":{}}'));
  const request = { command: "create", name: "a1", template: "echo" } as const;
  await expect(fleet.create(org, request, "odd")).rejects.toThrow("instance");
  fleet.close();
});

function disposable<Kind extends { close(): Promise<void> }>(opened: Kind): Kind & AsyncDisposable {
  return Object.assign(opened, { [Symbol.asyncDispose]: () => opened.close() });
}
