import { expect, test, vi } from "vitest";
import { z } from "zod";
import { openEmbeddedBus } from "../../src/bus/embedded.ts";
import { Hub } from "../../src/hub/hub.ts";
import { defineTable } from "../../src/stream/define.ts";
import { storeOf } from "../../src/stream/subject.ts";
import { Recorder } from "../bus/recorder.ts";
import { ManualClock } from "../support/clock.ts";
import { protocolLimits } from "../support/gateway.ts";

const record = z.looseObject({ id: z.string(), value: z.string() });

type Thing = z.infer<typeof record>;

/** A table whose rows of the value `bad` cannot be told of in one of the ways that a row is told of. */
const fragile = (place: "deltas" | "lapse" | "repeat") => {
  const told = (where: string, value: unknown) => {
    if (where === place && value === "bad") throw new RangeError("Maximum call stack size exceeded");
  };
  return defineTable({
    path: "things",
    description: "Things",
    subject: "things.:id",
    ownedSubject: "own_things.:id",
    access: { role: "viewer", needsToken: false, names: {} },
    ...{ rejectedBody: "shown", query: z.strictObject({}), messages: {} },
    record,
    snapshot: (rows) => [{ type: "snapshot", rows: rows.map(({ id, value }) => `${id} ${value}`).sort() }],
    deltas: ({ before, after }) => {
      told("deltas", after?.value);
      return [{ type: "changed", id: (after ?? before)?.id, value: after?.value ?? null }];
    },
    shows: () => true,
    ...(place === "lapse" && {
      lapse: {
        afterMs: 1000,
        lapsed: (row: Thing) => {
          told("lapse", row.value);
          return { ...row, value: `${row.value} lapsed` };
        },
      },
    }),
    repeat: {
      everyMs: 5000,
      frame: ({ id, value }) => {
        told("repeat", value);
        return { type: "repeat", id };
      },
    },
  });
};

async function serve(place: Parameters<typeof fragile>[0]) {
  const clock = new ManualClock();
  const bus = await openEmbeddedBus({ file: ":memory:", clock });
  const definition = fragile(place);
  const faults: unknown[] = [];
  const parts = { gateway: "one", bus, clock, limits: protocolLimits, stopwatch: () => clock.now() };
  const hub = new Hub([definition], { ...parts, report: (fault) => faults.push(fault) });
  await hub.start();
  const table = await bus.table(storeOf(definition));
  const rejected = new Recorder();
  (await bus.journal({ name: "rejected", subjects: ["skein.*.rejected.>"], keepMs: 60_000 })).follow(rejected);
  await rejected.until(({ levels }) => levels > 0);
  const put = async (tail: string, value: string | null) => {
    const data = new TextEncoder().encode(value === null ? "" : JSON.stringify({ value }));
    return (await table.put(`skein.acme.${tail}`, data)).position;
  };
  const shown = async () => {
    const channel = hub.channel(definition, "acme", {});
    const { frames } = await channel.greet({ query: {}, scope: undefined }, undefined);
    return (JSON.parse(frames[0]?.json ?? "{}") as { rows: string[] }).rows;
  };
  const end = async () => {
    hub.close();
    await bus.close();
    // What is no fault of the body is one of the definition, and is told as such.
    expect(faults).toEqual([expect.objectContaining({ cause: expect.any(RangeError) })]);
  };
  return { clock, put, shown, rejected, end, hub, definition };
}

test("A row whose change cannot be told is rejected, and the one before it stays", async () => {
  const { put, shown, rejected, end } = await serve("deltas");
  await put("things.a", "good");
  await put("things.b", "good");
  const position = await put("things.a", "bad");
  await rejected.until(({ messages }) => messages.length === 1);
  expect(JSON.parse(new TextDecoder().decode(rejected.messages[0]?.data))).toMatchObject({ position });
  expect(await shown()).toEqual(["a good", "b good"]);
  await put("things.a", "better");
  expect(await shown()).toEqual(["a better", "b good"]);
  await end();
});

test("A shadowed row that could not be told does not come up when the owned one goes", async () => {
  const { put, shown, rejected, end } = await serve("deltas");
  await put("things.a", "good");
  await put("own_things.a", "owned");
  await put("things.a", "bad");
  await rejected.until(({ messages }) => messages.length === 1);
  expect(await shown()).toEqual(["a owned"]);
  await put("own_things.a", null);
  expect(await shown()).toEqual([]);
  await put("things.a", "good");
  expect(await shown()).toEqual(["a good"]);
  await end();
});

test("A row that cannot lapse is rejected when its time comes, and the others lapse", async () => {
  const { clock, put, shown, rejected, end } = await serve("lapse");
  await put("things.a", "bad");
  await put("things.b", "good");
  clock.pass(1500);
  await rejected.until(({ messages }) => messages.length === 1);
  expect(await shown()).toEqual(["b good lapsed"]);
  clock.pass(5000);
  await put("things.c", "good");
  expect(await shown()).toEqual(["b good lapsed", "c good"]);
  expect(rejected.messages).toHaveLength(1);
  await end();
});

test("A row that cannot be repeated is rejected, and the others are repeated", async () => {
  const { clock, put, shown, rejected, end, hub, definition } = await serve("repeat");
  await put("things.a", "bad");
  await put("things.b", "good");
  const channel = hub.channel(definition, "acme", {});
  const view = { query: {}, scope: undefined };
  const seen: string[] = [];
  const sink = {
    write: ({ frames }: { frames: readonly { json: string }[] }) => {
      seen.push(...frames.map(({ json }) => json));
      return true;
    },
    end: () => {},
    pendingBytes: () => 0,
  };
  const opening = await channel.open(view, undefined);
  channel.join(view, sink).begin(opening);
  clock.pass(5000);
  await rejected.until(({ messages }) => messages.length === 1);
  await vi.waitFor(() => expect(seen.some((json) => json.includes('"reason":"resync"'))).toBe(true));
  clock.pass(5000);
  await vi.waitFor(() => expect(seen).toContain('{"type":"repeat","id":"b"}'));
  expect(rejected.messages).toHaveLength(1);
  expect(await shown()).toEqual(["b good"]);
  await end();
});
