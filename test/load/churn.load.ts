import { connect } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { follow, type Transport, transports } from "../support/client.ts";
import { bearer, token } from "../support/tokens.ts";
import { churnSeconds, LoadedGateway } from "./loaded-gateway.ts";

const parallel = 8;
const streams = ["instances", "messages", "runs/r", "swarm"];

/** Comes, reads its snapshot and goes. */
async function visit(transport: Transport, { url, bearer: text }: Visited, n: number): Promise<void> {
  using client = follow(transport, url, `${streams[n % streams.length]}`, text);
  await client.count(1);
}

/** Sends a request and resets the connection: before the answer, within it, or after it. */
async function breakOff(transport: Transport, { url, bearer: text }: Visited, n: number): Promise<void> {
  const { port, hostname } = new URL(url);
  const upgrade = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"];
  const key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==";
  const socket = connect({ port: Number(port), host: hostname });
  socket.on("error", () => {});
  const closed = new Promise((resolve) => socket.once("close", resolve));
  const stream = `${streams[n % streams.length]}${transport === "poll" ? "?wait=20" : ""}`;
  const lines = [`GET /${transport}/${stream} HTTP/1.1`, "Host: 127.0.0.1", `Authorization: Bearer ${text}`];
  socket.write(`${[...lines, ...(transport === "ws" ? [...upgrade, key] : [])].join("\r\n")}\r\n\r\n`);
  if (n % 3 === 1) await Promise.race([new Promise((resolve) => socket.once("data", resolve)), closed]);
  if (n % 3 === 2) await wait(20);
  socket.resetAndDestroy();
  await closed;
}

interface Visited {
  readonly url: string;
  readonly bearer: string;
}

const ways = { "that say goodbye": visit, "that are cut": breakOff };

describe.each(transports)(`After ${churnSeconds} s of clients over %s`, (transport) => {
  test.each(Object.keys(ways) as (keyof typeof ways)[])("%s nothing of them is left", async (way) => {
    await using gateway = await LoadedGateway.start();
    const visited = { url: gateway.url, bearer: await token() };
    let visits = 0;
    const churn = async (seconds: number) => {
      const endMs = performance.now() + seconds * 1000;
      const one = async () => {
        // A little below how many connections one address may make a second.
        while (performance.now() < endMs) await Promise.all([ways[way](transport, visited, visits++), wait(90)]);
      };
      await Promise.all(Array.from({ length: parallel }, one));
    };
    const settled = async () => {
      const isAlone = async () => {
        const answer = await fetch(`${gateway.url}/api/gateway`, { headers: bearer(visited.bearer) });
        const { connections } = (await answer.json()) as { connections: Record<string, number> };
        return Object.values(connections).every((count) => count === 0);
      };
      await expect.poll(isAlone, { timeout: 30_000 }).toBe(true);
      return gateway.holdings();
    };
    await churn(Math.min(20, churnSeconds));
    const before = await settled();
    await churn(churnSeconds);
    const after = await settled();
    console.log(JSON.stringify({ transport, way, visits, before, after }));
    expect(after.heapBytes - before.heapBytes).toBeLessThan(4 * 1024 * 1024);
    expect(after.descriptors - before.descriptors).toBeLessThanOrEqual(4);
    expect(gateway.complaints).toBe("");
  });
});
