import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buses, type TestBus } from "../support/buses.ts";
import { type Client, follow } from "../support/client.ts";
import { ManualClock } from "../support/clock.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { enforced, token } from "../support/tokens.ts";
import { MuxReplica } from "./mux-replica.ts";

const runIds = ["r1", "r2", "r3", "r4", "r5"];
const rooms = ["a", "b", "c"];
const streams = [
  ...["instances", "instances?include_archived=true", "mission", "mission?crew=c1", "swarm"],
  ...["messages", "messages?instance=a", "messages?recent=2", "graph", "graph?crew=c1"],
  ...["live/campaigns", "live/agents?recent=3", "live/toasts"],
  ...runIds.map((id) => `runs/${id}`),
  "tasks",
];
/** Each of them as a connection of its own has it. */
const alone = [...streams.filter((stream) => stream !== "tasks"), ...rooms.map((room) => `tasks/${room}`)];

interface Event {
  readonly tail: string;
  readonly body: object | null;
}

/** What may be published: a number makes each of a kind another one. */
const events: readonly ((n: number) => Event)[] = [
  (n) => ({ tail: `instances/i${n % 3}`, body: { status: `s${n}`, port: 1000 + n, note: `n${n}` } }),
  (n) => ({ tail: `instances/i${n % 3}`, body: { status: "up", archived_at: n % 2 ? "2026-01-01T00:00:00Z" : null } }),
  (n) => ({ tail: `instances/i${n % 3}`, body: null }),
  (n) => ({ tail: `mission/c${n % 2}`, body: { status: n % 3 ? "busy" : "available", n } }),
  (n) => ({ tail: `swarm/${n % 2 ? "agents" : "tasks"}/s${n % 3}`, body: { status: `s${n}` } }),
  (n) => ({ tail: `messages/m${n}`, body: { event: "sent", message_type: "t", from: n % 2 ? "a" : "b", to: "c" } }),
  (n) => ({ tail: `graph/c${n % 2}`, body: { type: "tool_start", tool: `t${n}`, params: { n } } }),
  (n) => ({ tail: `attacks/a${n}`, body: { type: "attack.progress", progress: n % 100 } }),
  (n) => ({ tail: `agents/g${n}`, body: { type: "agent.error", message: `<b>${n}` } }),
  (n) => ({ tail: `cracks/k${n}`, body: { type: "crack.submitted", count: 1 + n } }),
  (n) => ({ tail: `runs/${runIds[n % 5]}`, body: { type: "task_start", task_id: `t${n}` } }),
  (n) => ({
    tail: `tasks/${rooms[n % 3]}`,
    body: { type: "task_update", task_id: `t${n % 2}`, data: { progress: n } },
  }),
];

/** The last word of every stream: where it has come, nothing is missing before it. */
const lastWords: readonly Event[] = [
  { tail: "instances/last", body: { status: "last" } },
  { tail: "mission/c1", body: { status: "offline", word: "last" } },
  { tail: "swarm/agents/last", body: { status: "last" } },
  { tail: "messages/last", body: { event: "sent", message_type: "t", from: "a", to: "last" } },
  { tail: "graph/c1", body: { type: "tool_start", tool: "last" } },
  { tail: "attacks/last", body: { type: "attack.progress", progress: 100 } },
  { tail: "agents/last", body: { type: "agent.error", message: "last" } },
  { tail: "cracks/last", body: { type: "crack.submitted" } },
  ...runIds.map((id) => ({ tail: `runs/${id}`, body: { type: "task_end", task_id: "last" } })),
  ...rooms.map((id) => ({ tail: `tasks/${id}`, body: { type: "task_update", task_id: "last", data: {} } })),
];

/** When the clocks stood still. */
const begunS = Math.floor(Date.now() / 1000) - 1;

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ publish: fc.nat(events.length - 1), count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ cut: fc.nat(8), to: fc.nat(1) }) },
);

describe.each(buses)("On %s, twenty streams of all kinds", (_name, open) => {
  let ground: TestBus;
  let gateways: Gateway[];
  let org = 0;

  beforeAll(async () => {
    ground = await open();
    // Nothing is said again by time alone while these clocks stand still.
    const start = () => startGateway({ bus: ground.bus, auth: enforced, clock: new ManualClock(begunS * 1000) });
    gateways = [await start(), await start()];
  });

  afterAll(async () => {
    for (const gateway of gateways) await gateway.close();
    await ground[Symbol.asyncDispose]();
  });

  test.each(["ws", "sse"] as const)(
    "over %s bring what twenty connections bring, through cuts and to another gateway",
    async (transport) => {
      const property = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 50 }), async (steps) => {
        const bearer = await token({ org: `org-${org++}`, iat: begunS });
        await begin(bearer);
        const replica = new MuxReplica({ transport, streams, rooms, token: bearer });
        const singles = alone.map((stream) => follow("ws", urlOf(0), stream, bearer));
        await Promise.all([replica.connect(urlOf(0)), ...singles.map((single) => single.count(1))]);
        let n = 0;
        for (const one of steps) {
          if ("cut" in one) await comeBack(replica, one);
          else for (let i = 0; i < one.count; i++) await publish(events[one.publish]?.(n++), bearer);
        }
        for (const word of lastWords) await publish(word, bearer);
        await compare(replica, singles);
        replica.cut(0);
        for (const single of singles) single.close();
      });
      await fc.assert(property, { numRuns: 80 });
    },
    120_000,
  );

  function urlOf(index: number): string {
    return gateways[index]?.url ?? "";
  }

  /** A gateway remembers the changes of an org's tables from the first row on that it has heard of. */
  async function begin(bearer: string): Promise<void> {
    for (const tail of ["instances/i0", "mission/c0", "swarm/agents/s0"]) {
      await publish({ tail, body: { status: "available" } }, bearer);
    }
    for (const stream of ["instances", "mission", "swarm"]) {
      using client = follow("ws", urlOf(1), stream, bearer);
      await client.until(() => client.raw.some((json) => json.includes("available")));
    }
  }

  async function comeBack(replica: MuxReplica, { cut, to }: { cut: number; to: number }): Promise<void> {
    // Of the greetings of the first connection nothing may be lost: there is no cursor to come back with.
    replica.cut(Math.min(cut, Math.max(0, replica.told.length - firstFrames)));
    await replica.connect(urlOf(to));
  }

  async function publish(event: Event | undefined, bearer: string): Promise<void> {
    if (event) await gateways[0]?.publish(event.tail, event.body, bearer);
  }
});

/** More than all snapshots of an org in which nothing has happened. */
const firstFrames = 30;

async function compare(replica: MuxReplica, singles: readonly Client[]): Promise<void> {
  for (const [i, stream] of alone.entries()) {
    const single = singles[i];
    await single?.until(() => single.raw.some((json) => json.includes("last") || json.includes(">100")));
    const deadline = Date.now() + 3000;
    while (replica.heard(stream).length < (single?.raw.length ?? 0) && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect([stream, replica.heard(stream)]).toEqual([stream, single?.raw]);
  }
}
