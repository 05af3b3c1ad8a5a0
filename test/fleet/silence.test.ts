import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Fleet } from "../../src/fleet/fleet.ts";
import type { Clock } from "../../src/protocol/clock.ts";
import { buses } from "../support/buses.ts";
import type { ManualClock } from "../support/clock.ts";
import type { RemoteNode } from "../support/remote-node.ts";
import { type Cast, heard, listed, org, Scene, statusOf } from "./scene.ts";

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

  test("what runs on a node that has said nothing for three seconds is unknown", async () => {
    await scene.make("a1", "far");
    await scene.make("a2", "near");
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
    const [before, after] = scene.writtenOf("a1").slice(-2);
    expect(after).toEqual({ ...before, status: "unknown" });
  });

  test.each(["starting", "running", "stopping"] as const)("one that was %s is unknown", async (status) => {
    await scene.make("a1", "far");
    await far.turn("a1", status);
    await listed(fleet, "a1", status);
    far.die();
    clock.pass(3500);
    await listed(fleet, "a1", "unknown");
  });

  test.each(["stopped", "failed"] as const)("one that was %s is still so, whoever is away", async (status) => {
    await scene.make("a1", "far");
    await scene.make("witness", "far");
    await far.turn("a1", status);
    await listed(fleet, "a1", status);
    far.die();
    clock.pass(3500);
    await listed(fleet, "witness", "unknown");
    clock.pass(10_000);
    expect(await statusOf(fleet, "a1")).toBe(status);
  });

  test("when a node is back, what it says is true and stays so", async () => {
    await scene.make("a1", "far");
    far.die();
    clock.pass(3500);
    await listed(fleet, "a1", "unknown");
    far.comeBack();
    await heard(fleet, "far");
    await far.turn("a1", "running");
    await listed(fleet, "a1", "running");
    clock.pass(1000);
    expect(scene.writtenOf("a1").at(-1)).toMatchObject({ status: "running" });
  });

  test("of several gateways that notice it, one writes", async () => {
    await scene.make("a1", "far");
    const others = await Promise.all([scene.open(), scene.open(), scene.open()]);
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
    await vi.waitFor(() => expect(scene.writtenOf("last")).toHaveLength(1));
    expect(scene.writtenOf("a1").filter(({ status }) => status === "unknown")).toHaveLength(1);
  });

  test("a row that cannot be written down again costs nothing but itself", async () => {
    await scene.make("a1", "far");
    const deep = `${"[".repeat(50_000)}${"]".repeat(50_000)}`;
    await far.publish("deep", `{"status":"running","node":"far","template":"echo","deep":${deep}}`);
    const wide = `{"status":"running","node":"far","template":"echo","name":"deep"}`;
    await far.publish("wide", wide);
    far.die();
    clock.pass(3500);
    await listed(fleet, "a1", "unknown");
    clock.pass(10_000);
    const rows = await fleet.list(org);
    expect(rows.map(({ name }) => name)).toEqual(["a1"]);
    expect(JSON.stringify(rows)).toContain("unknown");
  });

  test("a gateway that has just started listens for four seconds before it judges", async () => {
    await scene.make("a1", "far");
    fleet.close();
    far.die();
    const late = await scene.open();
    await listed(late, "a1", "running");
    clock.pass(3900);
    await late.list(org);
    expect(await late.nodes(org)).toContainEqual({ node: "far", seen_at: null, is_away: false });
    clock.pass(500);
    await listed(late, "a1", "unknown");
    expect(await late.nodes(org)).toContainEqual({ node: "far", seen_at: null, is_away: true });
  });

  test("a gateway that was asleep listens again before it judges", async () => {
    await scene.make("a1", "far");
    let sleptMs = 0;
    const sleepy: Clock = {
      now: () => clock.now() + sleptMs,
      after: (ms, task) => clock.after(ms, task),
      every: (ms, task) => clock.every(ms, task),
    };
    fleet.close();
    const slow = await scene.open(sleepy);
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
    expect(scene.writtenOf("a1").at(-1)).toMatchObject({ status: "running" });
  });
});
