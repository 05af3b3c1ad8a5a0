import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Bodies } from "../../src/limits/bodies.ts";
import { ManualClock } from "../support/clock.ts";
import { Wire } from "../support/wire.ts";

const graceMs = 10_000;
const clock = new ManualClock();
const bodies = new Bodies({ clock, graceMs, sweepMs: 1000 });
const server = createServer();

beforeEach(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterEach(async () => {
  server.removeAllListeners("request").close();
  server.closeAllConnections();
  await once(server, "close");
});

const head = (more: string) => `POST / HTTP/1.1\r\nHost: a\r\n${more}\r\n\r\n`;

/** A connection that has sent this, and what the server made of it. */
async function sent(text: string): Promise<{ wire: Wire; incoming: IncomingMessage; response: ServerResponse }> {
  const wire = new Wire((server.address() as AddressInfo).port);
  const arrived = once(server, "request") as Promise<[IncomingMessage, ServerResponse]>;
  await wire.send(text);
  const [incoming, response] = await arrived;
  incoming.on("error", () => {});
  bodies.watch(incoming, response);
  return { wire, incoming, response };
}

/** Sends more of a body, and settles when the server has read it. */
async function more(wire: Wire, incoming: IncomingMessage, bytes: number): Promise<void> {
  const { bytesRead } = incoming.socket;
  await wire.send(Buffer.alloc(bytes, "x"));
  while (incoming.socket.bytesRead < bytesRead + bytes) await once(incoming, "data");
}

test("A body that stops coming is answered with 408 when its time is over, and cut", async () => {
  const { wire } = await sent(`${head("Content-Length: 1000000")}some`);
  clock.pass(graceMs);
  expect(wire.isClosed).toBe(false);
  clock.pass(1000);
  await wire.closed;
  expect(wire.text).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\nConnection: close\r\n/);
});

test("A megabyte over a slow line arrives, however long it takes, while it goes on", async () => {
  const { wire, incoming, response } = await sent(head(`Content-Length: ${2 ** 20}`));
  incoming.on("end", () => response.end("thanks"));
  for (let i = 0; i < 64; i++) {
    await more(wire, incoming, 16_384);
    clock.pass(1000);
  }
  await wire.until(({ text }) => text.includes("thanks"));
  expect(wire.text).toMatch(/^HTTP\/1\.1 200 OK/);
});

test("A byte a second is no progress, chunked or not", async () => {
  const { wire, incoming } = await sent(head("Transfer-Encoding: chunked"));
  incoming.on("data", () => {});
  for (let i = 0; i < 11; i++) {
    await wire.send("1\r\nx\r\n");
    await once(incoming, "data");
    clock.pass(1000);
  }
  await wire.closed;
  expect(wire.text).toMatch(/^HTTP\/1\.1 408/);
});

test("A slow body whose request was answered already is cut without a second answer", async () => {
  const { wire, response } = await sent(head("Content-Length: 10"));
  response.end("no");
  await wire.until(({ text }) => text.includes("no"));
  clock.pass(graceMs + 1000);
  await wire.closed;
  expect(wire.text).not.toContain("408");
});

test("An answer that goes on for long is nobody's slow body", async () => {
  const { wire, incoming, response } = await sent(`${head("Content-Length: 4")}some`);
  incoming.resume();
  await once(incoming, "end");
  response.write("a");
  clock.pass(100 * graceMs);
  response.end("b");
  await wire.until(({ text }) => text.includes("b\r\n0\r\n"));
  expect(wire.text).toMatch(/^HTTP\/1\.1 200 OK/);
});
