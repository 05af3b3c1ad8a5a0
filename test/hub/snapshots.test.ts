import { describe, expect, test } from "vitest";
import { z } from "zod";
import { OpeningCache } from "../../src/hub/opening-cache.ts";
import { greetingOf, type Opening } from "../../src/hub/past.ts";
import { Frame } from "../../src/protocol/frame.ts";
import { snapshotBytesMax } from "../../src/protocol/limits.ts";
import { defineTable } from "../../src/stream/define.ts";
import { follow, transports } from "../support/client.ts";
import { startGateway } from "../support/gateway.ts";

const here = { epoch: "e", position: 9, part: 0 };
const large = 250_000;

/** A stream that counts how often its snapshot is made. */
function countedTable() {
  const made = { count: 0 };
  const things = defineTable({
    path: "things",
    description: "Things",
    subject: "things.:name",
    access: { role: "viewer", needsToken: false, names: {} },
    rejectedBody: "shown",
    query: z.strictObject({ only: z.string().optional() }),
    record: z.looseObject({ name: z.string() }),
    messages: {},
    snapshot: (rows) => {
      made.count += 1;
      return [{ type: "snapshot", things: rows }];
    },
    deltas: ({ after, timestamp }) => [{ type: "changed", ...after, timestamp }],
    shows: () => true,
  });
  return { made, things };
}

test("A snapshot is made once for all who ask at the same moment, and again after a change", async () => {
  const { made, things } = countedTable();
  await using gateway = await startGateway({ streams: [things] });
  for (let n = 0; n < 100; n++) await gateway.publish(`things/t${n}`, { n });
  const poll = async () => (await fetch(`${gateway.url}/poll/things`)).text();
  const bodies = await Promise.all(Array.from({ length: 30 }, poll));
  expect(new Set(bodies).size).toBe(1);
  expect(JSON.parse(bodies[0] ?? "")[0].things).toHaveLength(100);
  using client = follow("sse", gateway.url, "things");
  await client.count(1);
  expect(made.count).toBe(1);
  await gateway.publish("things/t0", { n: -1 });
  await client.count(2);
  expect(JSON.parse(await poll())[0].things[0]).toMatchObject({ n: -1 });
  expect(made.count).toBe(2);
});

test("A client that knows the answer to a poll is told so without a new snapshot", async () => {
  const { made, things } = countedTable();
  await using gateway = await startGateway({ streams: [things] });
  await gateway.publish("things/t", { n: 1 });
  const etag = (await fetch(`${gateway.url}/poll/things`)).headers.get("etag") ?? "";
  for (let n = 0; n < 5; n++) {
    const answer = await fetch(`${gateway.url}/poll/things`, { headers: { "if-none-match": etag } });
    expect([answer.status, answer.headers.get("etag")]).toEqual([304, etag]);
  }
  expect(made.count).toBe(1);
});

describe("A snapshot of more than 16 MiB", () => {
  test("of a table is cut on every transport, keeps what is newest, and says how much was left out", async () => {
    await using gateway = await startGateway();
    for (let n = 0; n < 70; n++)
      await gateway.publish(`swarm/tasks/t${n}`, { status: "new", filler: "x".repeat(large) });
    const seen = await Promise.all(
      transports.map(async (transport) => {
        using client = follow(transport, gateway.url, "swarm");
        await client.count(2);
        return client.raw[1] ?? "";
      }),
    );
    const [json = ""] = seen;
    expect(seen).toEqual([json, json, json]);
    expect(Buffer.byteLength(json)).toBeLessThanOrEqual(snapshotBytesMax);
    const { tasks, truncated } = JSON.parse(json);
    expect([tasks.length, truncated]).toEqual([66, 4]);
    expect(tasks.map(({ task_id }: { task_id: string }) => task_id)).toEqual(
      Array.from({ length: 66 }, (_, n) => `t${n + 4}`),
    );
  });

  test("of frames that follow a count keeps the newest, and counts what is there", async () => {
    const following = Array.from({ length: 80 }, (_, n) => ({ type: "piece", n, html: "é".repeat(large / 2) }));
    const frames = await greetingOf([{ type: "snapshot", count: 80 }, ...following], "lagged", here);
    const [snapshot, ...pieces] = frames.map(({ json }) => JSON.parse(json));
    expect(snapshot).toEqual({ type: "snapshot", count: 66, reason: "lagged", truncated: 14 });
    expect(pieces.map(({ n }) => n)).toEqual(Array.from({ length: 66 }, (_, n) => n + 14));
    expect(frames.map(({ cursor }) => cursor !== undefined)).toEqual([...Array(66).fill(false), true]);
    expect(pieces.at(-1)).toMatchObject({ cursor: frames.at(-1)?.cursor });
  });

  test("of lines keeps the newest, and counts them", async () => {
    const lines = Array.from({ length: 300 }, (_, n) => `${n} ${"x".repeat(65_000)}`);
    const [frame] = await greetingOf([{ type: "backlog", lines, count: 300 }], undefined, here);
    const backlog = JSON.parse(frame?.json ?? "");
    expect(backlog.count).toBe(backlog.lines.length);
    expect(backlog.count + backlog.truncated).toBe(300);
    expect(backlog.lines.at(-1)).toMatch(/^299 /);
  });

  test("leaves no gap: what is older than the first item without room is left out, too", async () => {
    const items = [{ n: 0 }, { n: 1, text: "x".repeat(snapshotBytesMax) }, { n: 2 }];
    const [frame] = await greetingOf([{ type: "snapshot", items }], undefined, here);
    expect(JSON.parse(frame?.json ?? "")).toMatchObject({ items: [{ n: 2 }], truncated: 2 });
  });

  test("lets other work go on while it is encoded", async () => {
    const items = Array.from({ length: 64 }, () => ({ text: "x".repeat(large) }));
    let turns = 0;
    const turn = () => {
      turns += 1;
      next = setImmediate(turn);
    };
    let next = setImmediate(turn);
    await greetingOf([{ type: "snapshot", items }], undefined, here);
    clearImmediate(next);
    expect(turns).toBeGreaterThan(10);
  });
});

test("A snapshot that fits is as its definition says, field by field", async () => {
  const bodies = [
    { type: "connected", data: "x" },
    { type: "snapshot", agents: [{ a: 1 }, null, "text"], none: undefined, deep: { list: [1] }, empty: [] },
  ];
  const [first, second] = await greetingOf(bodies, undefined, here);
  expect(first?.json).toBe('{"type":"connected","data":"x"}');
  expect(second?.json).toBe(
    `{"type":"snapshot","agents":[{"a":1},null,"text"],"deep":{"list":[1]},"empty":[],"cursor":"${second?.cursor}"}`,
  );
});

describe("What channels keep of their openings", () => {
  const opening = (size: number): Opening => {
    const frames = [new Frame({ type: "x", text: "x".repeat(size) })];
    return { resumed: false, frames, batches: [], from: undefined, next: 0, over: false };
  };
  const made = (size: number) => async () => opening(size);

  test("is bounded in number across all channels, and forgets what was used longest ago", async () => {
    const cache = new OpeningCache();
    const sections = [cache.section(), cache.section()] as const;
    const first = await sections[0].get("first", made(1));
    const second = await sections[1].get("second", made(1));
    for (let n = 0; n < 254; n++) await sections[n % 2 === 0 ? 0 : 1].get(`view ${n}`, made(1));
    expect(await sections[0].get("first", made(2))).toBe(first);
    await sections[0].get("one more", made(1));
    expect(cache.entries).toBe(256);
    expect(await sections[0].get("first", made(2))).toBe(first);
    expect(await sections[1].get("second", made(2))).not.toBe(second);
  });

  test("is bounded in size", async () => {
    const cache = new OpeningCache();
    const section = cache.section();
    for (let n = 0; n < 12; n++) await section.get(`view ${n}`, made(10_000_000));
    expect(cache.entries).toBe(3);
    expect(cache.size).toBeLessThan(2 * snapshotBytesMax);
    section.clear();
    expect([cache.entries, cache.size]).toEqual([0, 0]);
  });

  test("is no failure", async () => {
    const section = new OpeningCache().section();
    await expect(section.get("view", () => Promise.reject(new Error("away")))).rejects.toThrow("away");
    await expect(section.get("view", made(1))).resolves.toMatchObject({ resumed: false });
  });
});
