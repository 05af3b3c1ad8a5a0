import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Instance } from "../../src/client/index.ts";
import { type BlockingProxy, startBlockingProxy, type Traffic } from "../support/blocking-proxy.ts";
import { buses, type TestBus } from "../support/buses.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { faultsIn, hurry, watch } from "./following.ts";

/** Something that happens while a client follows streams. */
type Happening =
  | { readonly kind: "event" }
  | { readonly kind: "row"; readonly name: string; readonly status: string | null }
  | { readonly kind: "treat"; readonly traffic: Traffic; readonly isHeld: boolean }
  | { readonly kind: "clear" | "cut" | "kill" | "breathe" };

const traffic = fc.constantFrom<Traffic>("ws", "sse", "poll");
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ kind: "event" as const }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("row" as const),
      name: fc.constantFrom("a", "b", "c"),
      status: fc.constantFrom("up", "down", null),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("treat" as const), traffic, isHeld: fc.boolean() }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constantFrom("clear", "cut", "kill", "breathe") }) },
);

/** What a client of many faults must not notice. */
interface Ground {
  readonly bus: TestBus;
  gateway: Gateway;
  readonly proxy: BlockingProxy;
  readonly run: string;
  events: number;
}

let runs = 0;

async function happen(ground: Ground, what: Happening): Promise<void> {
  const { proxy, run } = ground;
  if (what.kind === "event") await ground.gateway.publish(`runs/${run}`, { type: "task_start", n: ground.events++ });
  else if (what.kind === "row") {
    await ground.gateway.publish(`instances/${what.name}`, what.status === null ? null : { status: what.status });
  } else if (what.kind === "treat") proxy.treat({ [what.traffic]: what.isHeld ? "hold" : "refuse" });
  else if (what.kind === "clear") proxy.treat({ ws: "pass", sse: "pass", poll: "pass" });
  else if (what.kind === "cut") {
    proxy.treat({ ws: "hold", sse: "hold", poll: "hold" });
    proxy.treat({ ws: "pass", sse: "pass", poll: "pass" });
  } else if (what.kind === "kill") {
    const next = await open(ground.bus);
    proxy.turnTo(next.url);
    await ground.gateway.close();
    ground.gateway = next;
  } else await new Promise((resolve) => setTimeout(resolve, 60));
}

/** Few frames are replayed, so that whoever was away for long begins anew. */
function open({ bus }: TestBus): Promise<Gateway> {
  return startGateway({ bus, limits: { replayFrames: 4, ringFrames: 8 } });
}

async function rowsOf({ gateway }: Ground): Promise<Map<string, Instance>> {
  const answer = await fetch(`${gateway.url}/poll/instances`);
  const [first] = (await answer.json()) as { instances: Instance[] }[];
  return new Map((first?.instances ?? []).map((row) => [row.name, row]));
}

describe.each(buses)("On %s,", (_name, openBus) => {
  let bus: TestBus;
  let gateway: Gateway;
  beforeAll(async () => {
    bus = await openBus();
    gateway = await open(bus);
  });
  afterAll(async () => {
    await gateway.close();
    await bus[Symbol.asyncDispose]();
  });

  test("whatever happens, a client ends with what the gateway has, and heard everything once", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { minLength: 5, maxLength: 20 }), async (story) => {
        await using proxy = await startBlockingProxy(gateway.url);
        using skein = hurry(proxy.url);
        const ground: Ground = { bus, gateway, proxy, run: `r${runs++}`, events: 0 };
        const run = watch(skein.stream(`runs/${ground.run}`));
        const fleet = watch(skein.stream("instances"));
        try {
          for (const what of story) await happen(ground, what);
        } finally {
          gateway = ground.gateway;
        }
        proxy.treat({ ws: "pass", sse: "pass", poll: "pass" });
        await happen(ground, { kind: "event" });
        const last = ground.events - 1;
        const events = await run.until((all) => all.at(-1)?.n === last);
        expect(events.map(({ n }) => n)).toEqual(Array.from({ length: ground.events }, (_, n) => n));
        expect(faultsIn(run.frames)).toEqual([]);
        const rows = await rowsOf(ground);
        await fleet.until((all) => JSON.stringify([...all].sort()) === JSON.stringify([...rows].sort()));
        await expect.poll(() => skein.status, { timeout: 15_000 }).toMatchObject({ state: "live", transport: "ws" });
      }),
      { numRuns: Number(process.env.SEEDS ?? 8) },
    );
  });
});
