import { expect, test } from "vitest";
import { type Started, startSkein } from "../support/process.ts";
import { flood, floodKept, halfOpen, type Tally } from "./flooding.ts";
import { Witness } from "./witness.ts";

const handshake =
  "GET /ws/runs/r1 HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

const event = JSON.stringify({ type: "error", timestamp: "2026-01-01T00:00:00Z", run_id: "flood" });

const publication = `POST /api/publish/runs/flood HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${event.length}\r\n\r\n${event}`;

/** Floods a gateway while a witness at another address follows a stream, and gives what the flooder was answered. */
async function flooded(env: Readonly<Record<string, string>>, act: (port: number) => Promise<Tally>): Promise<Flooded> {
  await using gateway = await startSkein(["--data", ":memory:"], { env });
  const witness = await Witness.begin(gateway, 10);
  const tally = await act(gateway.port);
  const { published, seen } = await witness.end();
  const all = Array.from({ length: published }, (_, i) => i + 1);
  expect(seen).toEqual([all, all]);
  expect(gateway.run.stderr).toBe("");
  return { tally, limited: await limitedBy(gateway) };
}

interface Flooded {
  readonly tally: Tally;
  /** What the metrics say was refused. */
  readonly limited: Readonly<Record<string, number>>;
}

async function limitedBy({ url }: Started): Promise<Readonly<Record<string, number>>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const rows = text.matchAll(/^skein_limited_total\{limit="([^"]+)"\} (\d+)$/gm);
  return Object.fromEntries([...rows].map(([, limit = "", count]) => [limit, Number(count)]));
}

test("2,000 half-open handshakes of one address are all cut, and disturb nobody else", async () => {
  const { tally, limited } = await flooded({ SKEIN_HANDSHAKE_MS: "5000" }, (port) =>
    halfOpen({ port, count: 2000, request: handshake }),
  );
  // Whoever still writes when it is refused may see a reset instead of the answer.
  const refused = limited["sockets address"] ?? 0;
  expect(tally[408]).toBe(2000 - refused);
}, 60_000);

test("A connect flood of one address is refused with 429, is in the metrics and disturbs nobody else", async () => {
  const { tally, limited } = await flooded({ SKEIN_LIMIT_CONNECTS: "address=20" }, (port) =>
    flood({ port, count: 3000, atOnce: 64, request: `${handshake}\r\n` }),
  );
  const { 101: open = 0, 429: refused = 0 } = tally;
  expect(open).toBeGreaterThanOrEqual(200);
  expect(refused).toBeGreaterThan(1000);
  expect(open + refused).toBe(3000);
  expect(limited).toEqual({ "connects address": refused });
}, 60_000);

test("A subscription flood of one address is refused with 429, is in the metrics and disturbs nobody else", async () => {
  const request = "GET /sse/runs/r1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
  const env = { SKEIN_LIMIT_SUBSCRIBES: "address=20", SKEIN_LIMIT_CONNECTS: "address=0" };
  const { tally, limited } = await flooded(env, (port) => flood({ port, count: 3000, atOnce: 64, request }));
  const { 200: open = 0, 429: refused = 0 } = tally;
  expect(open).toBeGreaterThanOrEqual(200);
  expect(refused).toBeGreaterThan(1000);
  expect(open + refused).toBe(3000);
  expect(limited).toEqual({ "subscribes address": refused });
}, 60_000);

test("A publish flood of one address is refused with 429, is in the metrics and disturbs nobody else", async () => {
  const { tally, limited } = await flooded({ SKEIN_LIMIT_PUBLISHES: "address=200" }, (port) =>
    floodKept({ port, count: 6000, atOnce: 64, request: publication }),
  );
  const { 201: taken = 0, 429: refused = 0 } = tally;
  expect(taken).toBeGreaterThanOrEqual(2000);
  expect(refused).toBeGreaterThan(1000);
  expect(taken + refused).toBe(6000);
  expect(limited).toEqual({ "publishes address": refused });
}, 60_000);
