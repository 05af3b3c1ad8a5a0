import { expect, vi } from "vitest";
import type { Bus, Stored } from "../../src/bus/bus.ts";
import { Fleet } from "../../src/fleet/fleet.ts";
import type { Clock, Stop } from "../../src/protocol/clock.ts";
import { type InstanceStatus, instancesTable } from "../../src/protocol/instance.ts";
import type { TestBus } from "../support/buses.ts";
import { ManualClock } from "../support/clock.ts";
import { echo, RemoteNode } from "../support/remote-node.ts";

export const org = "default";

/** A fleet whose time stands still, and two nodes, `far` and `near`, that it has heard. */
export class Scene {
  readonly clock = new ManualClock();
  readonly faults: unknown[] = [];
  readonly #fleets: Fleet[] = [];
  /** All that was written since the test began, in order. */
  readonly #written: Stored[] = [];
  readonly #testBus: TestBus;
  #stop: Stop = () => {};

  private constructor(testBus: TestBus) {
    this.#testBus = testBus;
  }

  static async set(openBus: () => Promise<TestBus>): Promise<Cast> {
    const scene = new Scene(await openBus());
    const fleet = await scene.open();
    scene.clock.pass(4000);
    const far = await RemoteNode.start(scene.bus, "far");
    const near = await RemoteNode.start(scene.bus, "near", [
      echo,
      { name: "cat", description: "", params: { tail: null } },
    ]);
    const table = await scene.bus.table(instancesTable);
    const message = (stored: Stored) => scene.#written.push(stored);
    scene.#stop = table.follow({ begin() {}, level() {}, gap() {}, message });
    await heard(fleet, "far");
    await heard(fleet, "near");
    return { scene, fleet, far, near, clock: scene.clock };
  }

  get bus(): Bus {
    return this.#testBus.bus;
  }

  /** Another fleet, as another gateway has it. */
  async open(clock: Clock = this.clock): Promise<Fleet> {
    const fleet = new Fleet({ bus: this.bus, clock, report: (fault) => this.faults.push(fault) });
    this.#fleets.push(fleet);
    await fleet.start();
    return fleet;
  }

  /** Makes an instance and starts it. */
  async make(name: string, node: string): Promise<void> {
    const [fleet] = this.#fleets;
    await fleet?.create(org, { command: "create", name, template: "echo" }, node);
    await fleet?.command(org, { command: "start", name });
  }

  writtenOf(name: string): { status: string }[] {
    return this.#written
      .filter(({ subject }) => subject.endsWith(`.${name}`))
      .map(({ data }) => JSON.parse(new TextDecoder().decode(data)) as { status: string });
  }

  /** Clears it away; nothing must have been reported that the test did not ask for. */
  async clear({ far, near }: Cast): Promise<void> {
    this.#stop();
    far.die();
    near.die();
    for (const fleet of this.#fleets) fleet.close();
    await this.#testBus[Symbol.asyncDispose]();
    expect(this.faults).toEqual([]);
  }
}

export interface Cast {
  readonly scene: Scene;
  readonly fleet: Fleet;
  readonly far: RemoteNode;
  readonly near: RemoteNode;
  readonly clock: ManualClock;
}

/** Settles when the fleet has heard a node. */
export async function heard(fleet: Fleet, node: string): Promise<void> {
  await vi.waitFor(async () => {
    expect(await fleet.nodes(org)).toContainEqual({ node, seen_at: expect.any(String), is_away: false });
  });
}

export async function statusOf(fleet: Fleet, name: string): Promise<string> {
  const rows = await fleet.list(org);
  return rows.find((row) => row.name === name)?.status ?? "not there";
}

/** Settles when the fleet itself lists an instance so. */
export async function listed(fleet: Fleet, name: string, status: InstanceStatus): Promise<void> {
  await vi.waitFor(async () => expect(await statusOf(fleet, name)).toBe(status));
}
