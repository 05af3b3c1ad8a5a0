import { once } from "node:events";
import { request } from "node:http";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import type { Table } from "../../src/bus/bus.ts";
import { storeOf } from "../../src/stream/subject.ts";
import { instances } from "../../src/streams/instances.ts";
import { ManualClock } from "../support/clock.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";

const filler = "x".repeat(16_000);

/** A client of `instances` that can stop reading. */
interface Reader {
  /** The frames as they came; two hundred clients parse nothing that they need not. */
  readonly raw: string[];
  readonly closed: Promise<number>;
  pause(): void;
  resume(): void;
  /** Settles when a frame has this text in it. */
  until(text: string): Promise<void>;
  close(): void;
}

const readers = { ws: readWebSocket, sse: readEvents };

function readerOf(parts: Pick<Reader, "closed" | "pause" | "resume" | "close">) {
  const raw: string[] = [];
  const waiting = new Set<(json: string) => void>();
  const see = (json: string) => {
    raw.push(json);
    for (const check of waiting) check(json);
  };
  const until = (text: string) =>
    new Promise<void>((resolve) => {
      if (raw.some((json) => json.includes(text))) return resolve();
      const check = (json: string) => {
        if (!json.includes(text)) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
    });
  return { see, reader: { raw, until, ...parts } satisfies Reader };
}

function readWebSocket(url: string): Reader {
  const socket = new WebSocket(`${url.replace("http", "ws")}/ws/instances`);
  const { see, reader } = readerOf({
    closed: once(socket, "close").then(([code]) => Number(code)),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close: () => socket.terminate(),
  });
  socket.on("message", (data) => see(String(data)));
  return reader;
}

function readEvents(url: string): Reader {
  const sent = request(`${url}/sse/instances`);
  const response = once(sent, "response").then(([found]) => found);
  const { see, reader } = readerOf({
    closed: response.then((found) => new Promise((resolve) => found.on("close", () => resolve(0)))),
    pause: () => void response.then((found) => found.pause()),
    resume: () => void response.then((found) => found.resume()),
    close: () => sent.destroy(),
  });
  let rest = "";
  response.then((found) => {
    found.setEncoding("utf8");
    found.on("error", () => {});
    found.on("data", (text: string) => {
      const events = (rest + text).split("\n\n");
      rest = events.pop() ?? "";
      for (const event of events) {
        const data = event.indexOf("data: ");
        if (data !== -1) see(event.slice(data + 6));
      }
    });
  });
  sent.on("error", () => {});
  sent.end();
  return reader;
}

/** Changes one instance `count` times, 16 KB at a time; goes on after every twenty when they are stored and `pace` agrees. */
async function change(table: Table, count: number, pace?: (n: number) => Promise<unknown>): Promise<void> {
  for (let n = 1; n <= count; n++) {
    const record = { status: `s${n}`, filler: `${n}${filler}` };
    const stored = table.put("skein.default.instances.busy", new TextEncoder().encode(JSON.stringify(record)));
    if (n % 20 !== 0 && n !== count) continue;
    await stored;
    await pace?.(n);
  }
}

const snapshot = '{"type":"snapshot"';
const changed = /^\{"type":"status_changed",.{0,40}?"status":"(s\d+)"/;

/** What this process keeps, after everything that can go is gone. */
function usedBytes(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function tableOf({ bus }: Gateway): Promise<Table> {
  return bus.table(storeOf(instances));
}

describe.each(["ws", "sse"] as const)("A client over %s that stops reading", (transport) => {
  test("beside 200 fast ones costs them nothing, gets a fresh snapshot when it reads again, and has the right state", async () => {
    await using gateway = await startGateway();
    const table = await tableOf(gateway);
    const fast = Array.from({ length: 200 }, () => readers[transport](gateway.url));
    const slow = readers[transport](gateway.url);
    await Promise.all([...fast, slow].map((reader) => reader.until(snapshot)));
    slow.pause();
    const count = 400;
    await change(table, count, (n) => Promise.all(fast.map((reader) => reader.until(`"status":"s${n}"`))));
    for (const { raw } of fast) {
      const statuses = raw.map((json) => changed.exec(json)?.[1]).filter((status) => status !== undefined);
      expect(statuses).toEqual(Array.from({ length: count - 1 }, (_, i) => `s${i + 2}`));
    }
    for (const reader of fast) reader.close();
    // More than the kernel may hold for a connection, whatever it thinks of it.
    await change(table, 1500);
    const caughtUp = slow.until('"reason":"lagged"');
    slow.resume();
    await caughtUp;
    const fresh = slow.raw.findLast((json) => json.includes('"reason":"lagged"')) ?? "";
    expect(JSON.parse(fresh)).toMatchObject({ instances: [{ status: "s1500" }] });
    slow.close();
  });
});

test("What a client does not read is not kept for it", async () => {
  await using gateway = await startGateway();
  const table = await tableOf(gateway);
  const slow = readers.ws(gateway.url);
  await slow.until(snapshot);
  slow.pause();
  await change(table, 1000);
  const before = usedBytes();
  await change(table, 5000);
  // 80 MB were published meanwhile; whatever is kept must be a small part of that.
  expect(usedBytes() - before).toBeLessThan(16 * 1024 * 1024);
  slow.close();
});

test("A client that accepts no byte for 30 s is closed with 4408", async () => {
  const clock = new ManualClock();
  await using gateway = await startGateway({ clock, limits: { idleAfterMs: 1e9 } });
  const table = await tableOf(gateway);
  const slow = readers.ws(gateway.url);
  await slow.until(snapshot);
  slow.pause();
  await change(table, 1000);
  clock.pass(31_000);
  slow.resume();
  expect(await slow.closed).toBe(4408);
});
