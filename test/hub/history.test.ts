import { createConnection } from "node:net";
import { describe, expect, test } from "vitest";
import type { Journal } from "../../src/bus/bus.ts";
import { subjectOf } from "../../src/protocol/subject.ts";
import { journalOf } from "../../src/stream/subject.ts";
import { runs } from "../../src/streams/runs.ts";
import { buses } from "../support/buses.ts";
import { follow, type Seen, transports } from "../support/client.ts";
import { startGateway } from "../support/gateway.ts";
import { bearer, enforced, token } from "../support/tokens.ts";

/** Small enough that nearly all of a run is in the store alone. */
const limits = { ringFrames: 8 };

/** Appends events with a running number, every third of them of the crew "other". */
async function append(journal: Journal, from: number, to: number, org = "default"): Promise<void> {
  const subject = subjectOf(org, "runs.r1");
  const appended = Array.from({ length: to - from }, (_, i) => {
    const crew = (from + i) % 3 === 0 ? "other" : "mine";
    const body = { type: "task_start", task_id: `${from + i}`, crew_id: crew, name: "x".repeat(200) };
    return journal.append(subject, new TextEncoder().encode(JSON.stringify(body)));
  });
  await Promise.all(appended);
}

function numbers(frames: readonly Seen[]): number[] {
  return frames.filter(({ type }) => type === "task_start").map(({ task_id }) => Number(task_id));
}

function upTo(end: number): number[] {
  return Array.from({ length: end }, (_, i) => i);
}

describe.each(buses)("On %s, a run that is much longer than what a gateway keeps of it", (_, open) => {
  test.each(transports)("is told whole and in order over %s, and goes on live", async (transport) => {
    await using place = await open();
    const journal = await place.bus.journal(journalOf(runs));
    await append(journal, 0, 1500);
    await using gateway = await startGateway({ bus: place.bus, limits });
    using client = follow(transport, gateway.url, "runs/r1");
    const [snapshot] = await client.until((frames) => numbers(frames).length >= 700);
    await append(journal, 1500, 1600);
    const frames = await client.until((all) => numbers(all).length >= 1600);
    expect(snapshot?.type).toBe("snapshot");
    expect(snapshot?.count).toBe(1500);
    expect(numbers(frames)).toEqual(upTo(1600));
  });

  test.each(transports)("goes on from any cursor over %s, and says how much was missed", async (transport) => {
    await using place = await open();
    const journal = await place.bus.journal(journalOf(runs));
    await append(journal, 0, 900);
    await using gateway = await startGateway({ bus: place.bus, limits });
    using before = follow(transport, gateway.url, "runs/r1");
    const frames = await before.until((all) => numbers(all).length >= 900);
    const { cursor } = frames[100] ?? {};
    using after = follow(transport, gateway.url, `runs/r1?since=${cursor}`);
    const missed = await after.until((all) => numbers(all).length >= 800);
    if (transport !== "poll") expect(missed[0]).toMatchObject({ type: "resumed", replayed: 800 });
    expect(numbers(missed)).toEqual(upTo(900).slice(100));
  });

  test("is counted and told to a client that sees one crew only as far as that goes", async () => {
    await using place = await open();
    const journal = await place.bus.journal(journalOf(runs));
    await append(journal, 0, 900, "acme");
    await using gateway = await startGateway({ bus: place.bus, limits, auth: enforced });
    using client = follow("ws", gateway.url, "runs/r1", await token({ crews: ["other"] }));
    const frames = await client.until((all) => numbers(all).length >= 300);
    expect(frames[0]).toMatchObject({ type: "snapshot", count: 300 });
    expect(numbers(frames)).toEqual(upTo(900).filter((number) => number % 3 === 0));
  });

  test("that is done ends the connection after its last event", async () => {
    await using place = await open();
    const journal = await place.bus.journal(journalOf(runs));
    await append(journal, 0, 700);
    await journal.append(subjectOf("default", "runs.r1"), new TextEncoder().encode('{"type":"done"}'));
    await append(journal, 700, 710);
    await using gateway = await startGateway({ bus: place.bus, limits });
    using client = follow("ws", gateway.url, "runs/r1");
    expect(await client.ended).toEqual({ code: 1000 });
    expect(client.frames[0]).toMatchObject({ count: 701 });
    expect(numbers(client.frames)).toEqual(upTo(700));
    expect(client.frames.at(-1)?.type).toBe("done");
  });

  test("is read once for all who come together", async () => {
    await using place = await open();
    const journal = await place.bus.journal(journalOf(runs));
    await append(journal, 0, 1200);
    await using gateway = await startGateway({ bus: place.bus, limits });
    const clients = Array.from({ length: 20 }, () => follow("ws", gateway.url, "runs/r1"));
    for (const client of clients) {
      const frames = await client.until((all) => numbers(all).length >= 1200);
      expect(numbers(frames)).toEqual(upTo(1200));
      client.close();
    }
  });
});

test("What is longer than an answer to a poll comes in several, each but the last with Skein-More", async () => {
  await using gateway = await startGateway({ auth: enforced, limits });
  const headers = bearer(await token());
  const journal = await gateway.bus.journal(journalOf(runs));
  const wide = (i: number) =>
    JSON.stringify({ type: "task_start", task_id: `${i}`, name: "x", note: "y".repeat(100_000) });
  for (let i = 0; i < 100; i++) await journal.append(subjectOf("acme", "runs.r1"), new TextEncoder().encode(wide(i)));
  const seen: Seen[] = [];
  const more: (string | null)[] = [];
  let since = "";
  do {
    const response = await fetch(`${gateway.url}/poll/runs/r1${since}`, { headers });
    const text = await response.text();
    expect(text.length).toBeLessThan(4.2 * 1024 * 1024);
    seen.push(...(JSON.parse(text) as Seen[]));
    more.push(response.headers.get("skein-more"));
    since = `?since=${response.headers.get("skein-cursor")}`;
  } while (more.at(-1) === "1");
  expect(more).toEqual(["1", "1", null]);
  expect(seen[0]).toMatchObject({ type: "snapshot", count: 100 });
  expect(numbers(seen)).toEqual(upTo(100));
});

test("A client that stops reading in the middle of a long run gets the rest when it reads again", async () => {
  await using gateway = await startGateway({ limits: { ...limits, queueFrames: 1_000_000, queueBytes: 1e9 } });
  const journal = await gateway.bus.journal(journalOf(runs));
  await append(journal, 0, 20_000);
  const { port } = new URL(gateway.url);
  const socket = createConnection(Number(port), "127.0.0.1");
  socket.write(`GET /sse/runs/r1 HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  let text = "";
  socket.setEncoding("utf8").on("data", (piece: string) => {
    text += piece;
  });
  const read = (enough: string) =>
    expect.poll(() => text.includes(enough), { timeout: 20_000, interval: 20 }).toBe(true);
  await read('"task_id":"500"');
  socket.pause();
  await append(journal, 20_000, 22_000);
  socket.resume();
  await read('"task_id":"21999"');
  socket.destroy();
  const told = [...text.matchAll(/"task_id":"(\d+)"/g)].map(([, number]) => Number(number));
  expect(told).toEqual(upTo(22_000));
});
