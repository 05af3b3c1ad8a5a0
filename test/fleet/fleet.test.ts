import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openEmbeddedBus } from "../../src/bus/embedded.ts";
import { Fleet } from "../../src/fleet/fleet.ts";
import { heartbeatSubject, supervisorSubject } from "../../src/protocol/instance.ts";
import { buses } from "../support/buses.ts";
import { ManualClock } from "../support/clock.ts";
import { echo, RemoteNode } from "../support/remote-node.ts";
import { type Cast, heard, org, Scene, statusOf } from "./scene.ts";

const utf8 = new TextEncoder();

describe.each(buses)("over %s", (_, openBus) => {
  let cast: Cast;
  let scene: Scene;
  let fleet: Fleet;
  let far: RemoteNode;
  let near: RemoteNode;
  let clock: ManualClock;

  beforeEach(async () => {
    cast = await Scene.set(openBus);
    ({ scene, fleet, far, near, clock } = cast);
  });

  afterEach(() => scene.clear(cast));

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
    using third = await RemoteNode.start(scene.bus, "third", [own]);
    await heard(fleet, "third");
    const offers = await fleet.templates(org);
    expect(offers.filter(({ name }) => name === "echo")).toEqual([
      { ...echo, nodes: ["far", "near"] },
      { ...own, nodes: ["third"] },
    ]);
    expect(third.done).toEqual([]);
  });

  test("a command for a node that is away is refused at once, and the node is named", async () => {
    await scene.make("a1", "far");
    far.die();
    const refused = { code: "node_away", message: "Node 'far' is away; nothing was done" };
    await expect(fleet.command(org, { command: "stop", name: "a1" })).rejects.toMatchObject(refused);
    await expect(fleet.command(org, { command: "delete", name: "a1" })).rejects.toMatchObject(refused);
    expect(await fleet.get(org, "a1")).toMatchObject({ name: "a1" });
  });

  test("an instance of a node that is away can be deleted by force, and its name is free", async () => {
    await scene.make("a1", "far");
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
    await scene.make("a1", "far");
    await fleet.forceDelete(org, { command: "delete", name: "a1" });
    expect(far.done.at(-1)).toBe("delete a1");
  });

  test("a name that an instance of an absent node has is taken, also for one who asks with a key", async () => {
    await scene.make("a1", "far");
    far.die();
    const again = { command: "create", name: "a1", template: "echo", id: "k" } as const;
    await expect(fleet.create(org, again)).rejects.toMatchObject({ code: "conflict" });
  });

  test("another org has its own instances and nodes", async () => {
    await scene.make("a1", "far");
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
    const say = (text: string) => scene.bus.publish(heartbeatSubject(org, "odd"), utf8.encode(text));
    for (const text of ["{", "{}", '{"node":"far","templates":[]}', '{"node":"odd","templates":[{"name":5}]}'])
      say(text);
    using _odd = await RemoteNode.start(scene.bus, "after");
    await heard(fleet, "after");
    expect((await fleet.nodes(org)).map(({ node }) => node)).toEqual(["after", "far", "near"]);
    expect(scene.faults.splice(0)).toEqual([
      expect.objectContaining({ message: expect.stringContaining("skein.default.heartbeats.odd") }),
    ]);
  });

  test("a record that is none leaves the instance as it was", async () => {
    await scene.make("a1", "far");
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
