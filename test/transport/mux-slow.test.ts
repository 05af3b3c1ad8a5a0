import { describe, expect, test } from "vitest";
import type { Table } from "../../src/bus/bus.ts";
import { storeOf } from "../../src/stream/subject.ts";
import { instances } from "../../src/streams/instances.ts";
import { swarm } from "../../src/streams/swarm.ts";
import { ManualClock } from "../support/clock.ts";
import { startGateway } from "../support/gateway.ts";
import { muxOverEvents, muxOverWebSocket } from "./mux-client.ts";

const opened = { ws: muxOverWebSocket, sse: muxOverEvents };
const filler = "x".repeat(16_000);
const streams = ["instances", "swarm", "messages"];

/** Changes a row of both tables `count` times, 16 KB at a time. */
async function change([fleet, herd]: readonly [Table, Table], count: number): Promise<void> {
  for (let n = 1; n <= count; n++) {
    const body = new TextEncoder().encode(JSON.stringify({ status: `s${n}`, filler: `${n}${filler}` }));
    const stored = [fleet.put("skein.default.instances.busy", body), herd.put("skein.default.swarm.agents.busy", body)];
    if (n % 20 === 0 || n === count) await Promise.all(stored);
  }
}

describe.each(["ws", "sse"] as const)("A client of many streams over %s that stops reading", (transport) => {
  test("costs its neighbour nothing, and gets a fresh snapshot of each stream that went on without it", async () => {
    await using gateway = await startGateway();
    const tables = [await gateway.bus.table(storeOf(instances)), await gateway.bus.table(storeOf(swarm))] as const;
    using slow = opened[transport]({ url: gateway.url, streams });
    using fast = opened[transport]({ url: gateway.url, streams });
    for (const stream of streams) for (const client of [slow, fast]) await client.count(stream, 1);
    slow.pause();
    for (let round = 0; round < 10; round++) {
      await change(tables, 100);
      await fast.until(() => fast.raw("swarm").length >= 2 + 100 * (round + 1));
    }
    expect(fast.types("instances").filter((type) => type === "status_changed")).toHaveLength(999);
    expect(fast.told.some(({ json }) => json.includes('"lagged"'))).toBe(false);
    slow.resume();
    const isFresh = (stream: string) => slow.frames(stream).some(({ reason }) => reason === "lagged");
    await slow.until(() => isFresh("instances") && isFresh("swarm"));
    // What the network took before it was full may be an earlier snapshot, and deltas after it.
    const newest = () => JSON.stringify(slow.frames("instances").at(-1));
    await slow.until(() => newest().includes('"status":"s100"'));
    expect(slow.types("messages")).toEqual(["snapshot"]);
    await gateway.publish("messages/m", { event: "sent", message_type: "t", from: "a", to: "b" });
    await slow.count("messages", 2);
  });
});

test("A client of many streams that accepts no byte for 30 s is closed with 4408, all of it", async () => {
  const clock = new ManualClock();
  await using gateway = await startGateway({ clock, limits: { idleAfterMs: 1e9 } });
  const tables = [await gateway.bus.table(storeOf(instances)), await gateway.bus.table(storeOf(swarm))] as const;
  using slow = muxOverWebSocket({ url: gateway.url, streams });
  for (const stream of streams) await slow.count(stream, 1);
  slow.pause();
  await change(tables, 1000);
  clock.pass(31_000);
  slow.resume();
  expect(await slow.ended).toEqual({ code: 4408 });
});
