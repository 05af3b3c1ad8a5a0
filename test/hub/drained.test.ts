import { expect, test } from "vitest";
import { z } from "zod";
import { openEmbeddedBus } from "../../src/bus/embedded.ts";
import { Hub } from "../../src/hub/hub.ts";
import type { Sink } from "../../src/hub/sink.ts";
import type { End } from "../../src/protocol/end.ts";
import { defineTable } from "../../src/stream/define.ts";
import { storeOf } from "../../src/stream/subject.ts";
import { Recorder } from "../bus/recorder.ts";
import { ManualClock } from "../support/clock.ts";
import { protocolLimits } from "../support/gateway.ts";

const record = z.looseObject({ id: z.string() });

/** A table whose row `bad` breaks what says which clients see a change. */
const things = defineTable({
  path: "things",
  description: "Things",
  subject: "things.:id",
  access: { role: "viewer", needsToken: false, names: {} },
  ...{ rejectedBody: "shown", query: z.strictObject({}), messages: {} },
  record,
  snapshot: (rows) => [{ type: "snapshot", ids: rows.map(({ id }) => id) }],
  deltas: ({ before, after }) => [{ type: "changed", id: (after ?? before)?.id }],
  shows: ({ after }) => {
    if (after?.id === "bad") throw new RangeError("Maximum call stack size exceeded");
    return true;
  },
});

/** A socket that is full after its first frames. */
class FullSink implements Sink {
  ended: End | undefined;

  write(): boolean {
    return false;
  }

  end(end: End): void {
    this.ended = end;
  }

  pendingBytes(): number {
    return 1;
  }
}

async function serve() {
  const clock = new ManualClock();
  const bus = await openEmbeddedBus({ file: ":memory:", clock });
  const parts = { gateway: "one", bus, clock, limits: protocolLimits, stopwatch: () => clock.now() };
  const hub = new Hub([things], { ...parts, report: () => {} });
  await hub.start();
  const channel = hub.channel(things, "acme", {});
  const end = () => {
    hub.close();
    return bus.close();
  };
  return { clock, bus, channel, end };
}

const view = { query: {}, scope: undefined };

test("A client whose socket is free again is ended, and not left in silence, when what it missed cannot be told", async () => {
  const { bus, channel, end } = await serve();
  const table = await bus.table(storeOf(things));
  const seen = new Recorder();
  table.follow(seen);
  const sink = new FullSink();
  const session = channel.join(view, sink);
  session.begin(await channel.open(view, undefined));
  await table.put("skein.acme.things.bad", new TextEncoder().encode("{}"));
  await seen.until(({ messages }) => messages.length === 1);
  await bus.flush();
  session.drained();
  expect(sink.ended).toMatchObject({ reason: "internal", fault: expect.any(RangeError) });
  await end();
});

test("A client that begins when its channel was let go of is told to try again, and not left in silence", async () => {
  const { clock, channel, end } = await serve();
  const opening = await channel.open(view, undefined);
  clock.pass(31_000);
  const sink = new FullSink();
  channel.join(view, sink).begin(opening);
  expect(sink.ended).toMatchObject({ reason: "bus_away" });
  await end();
});
