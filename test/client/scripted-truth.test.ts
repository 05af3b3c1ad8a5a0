import fc from "fast-check";
import { expect, test } from "vitest";
import { connectIn } from "../../src/client/connect.ts";
import type { AnyFrame } from "../../src/client/index.ts";
import { faultsIn } from "./following.ts";
import { ScriptedGateway } from "./scripted-gateway.ts";
import { ScriptedWorld, settled } from "./scripted-world.ts";

/** A client and its gateway, in a world where only what a test says happens. */
class Scene {
  readonly world = new ScriptedWorld();
  readonly gateway = new ScriptedGateway(this.world);
  readonly frames: AnyFrame[] = [];
  tokens = 0;
  readonly skein = connectIn(this.world, "/prefix", { token: () => `token-${this.tokens++}` });
  readonly run = this.skein.stream("runs/r");
  readonly fleet = this.skein.stream("instances");

  constructor() {
    this.run.onFrame((frame) => this.frames.push(frame as AnyFrame));
    this.fleet.subscribe(() => {});
  }

  /** Lets time pass, and everybody say and hear what is due in it. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left >= 0; left -= 1000) {
      this.world.clock.pass(Math.min(left, 1000));
      await settled();
      this.gateway.listen();
      await settled();
    }
  }

  /** What the client has, as the gateway would say it. */
  get known(): unknown {
    const rows = this.fleet.getSnapshot() ?? [];
    return {
      events: this.run.getSnapshot()?.map(({ n }) => n),
      rows: new Map([...rows].map(([name, { status }]) => [name, status])),
    };
  }

  get truth(): unknown {
    const { events, rows } = this.gateway;
    return { events, rows };
  }
}

type Step = readonly [what: string, does: (scene: Scene) => unknown];

const still: readonly Step[] = [
  ["publish", ({ gateway }) => gateway.publish()],
  ["store a", ({ gateway }) => gateway.store("a", `up-${Math.random()}`)],
  ["store b", ({ gateway }) => gateway.store("b", `up-${Math.random()}`)],
  ["cut", ({ gateway }) => gateway.cut(1006)],
  ["shut down", ({ gateway }) => gateway.cut(1001)],
  ["refuse the token", ({ gateway }) => gateway.cut(4401)],
  ["lag", ({ gateway }) => gateway.lag()],
  ["falter", ({ gateway }) => gateway.falter()],
  ["expire", ({ gateway }) => gateway.expire()],
  ["wipe", ({ gateway }) => gateway.wipe()],
  ["wake", ({ world }) => world.wake()],
  [
    "leave and come back",
    ({ fleet, world }) => {
      world.clock.pass(0);
      fleet.onFrame(() => {})();
    },
  ],
  ...[[], ["ws"], ["ws", "sse"], ["ws", "sse", "poll"], ["sse"]].map(
    (blocked): Step => [
      `block ${blocked}`,
      ({ gateway }) => {
        gateway.blocked = new Set(blocked);
        gateway.cut(1006);
      },
    ],
  ),
];
const passing = [0, 100, 1000, 5000, 31_000, 100_000].map((ms): Step => [`pass ${ms}`, (scene) => scene.pass(ms)]);
const steps = fc.array(fc.oneof(fc.constantFrom(...still), fc.constantFrom(...passing)), { maxLength: 40 });

test("whatever happens, a client ends with what the gateway has, and heard everything once", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (story) => {
      const scene = new Scene();
      for (const [, does] of story) await does(scene);
      scene.gateway.blocked = new Set();
      await scene.pass(310_000);
      scene.gateway.publish();
      await scene.pass(1000);
      expect(scene.known).toEqual(scene.truth);
      expect(faultsIn(scene.frames)).toEqual([]);
      expect(scene.skein.status).toMatchObject({ state: "live", transport: "ws" });
      scene.skein.close();
    }),
    { numRuns: Number(process.env.SEEDS ?? 150) },
  );
});
