import { describe, expect, test } from "vitest";
import { follow } from "../support/client.ts";
import { startListening } from "../support/listening.ts";
import { Wire } from "../support/wire.ts";
import { halfOpen } from "./flooding.ts";

const statusOf = ({ text }: Wire) => /^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1];

describe("A client that is slow", () => {
  test.each([
    ["says nothing", ""],
    ["sends half a head", "GET /api/streams HTTP/1.1\r\nHost: a\r\nX-A"],
    [
      "sends half a handshake",
      "GET /ws/instances HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
    ],
    ["sends a second request by halves", "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /healthz HTTP/1.1\r\n"],
  ])("and %s is answered with 408 and cut", async (_, text) => {
    await using door = await startListening({ handshakeMs: 100 });
    using wire = new Wire(door.port);
    await wire.send(text);
    await wire.closed;
    expect(wire.text).toMatch(/HTTP\/1\.1 408 Request Timeout\r\nConnection: close\r\n[^{]*$/);
  });

  test("with a body is answered with 408 and cut", async () => {
    await using door = await startListening({ handshakeMs: 100 });
    using wire = new Wire(door.port);
    await wire.send("POST /api/publish/instances/a HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\n{");
    await wire.closed;
    expect(statusOf(wire)).toBe("408");
  });

  test("to ask for anything more is no slow client: streams go on", async () => {
    await using door = await startListening({ handshakeMs: 500 });
    using socket = follow("ws", door.url, "instances");
    using events = follow("sse", door.url, "instances");
    await Promise.all([socket.count(1), events.count(1)]);
    for (let i = 0; i < 3; i++) await new Wire(door.port).closed;
    const body = JSON.stringify({ status: "running", port: 1, pid: 1 });
    await fetch(`${door.url}/api/publish/instances/a`, { method: "POST", body });
    await Promise.all([socket.count(2), events.count(2)]);
    expect(socket.frames[1]).toEqual(events.frames[1]);
  });
});

test("A head that is too large is answered with 431", async () => {
  await using door = await startListening({ maxHeaderBytes: 2048 });
  using wire = new Wire(door.port);
  await wire.send(`GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: ${"a".repeat(2048)}\r\n\r\n`);
  await wire.closed;
  expect(statusOf(wire)).toBe("431");
});

describe("An address", () => {
  const asks = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";

  test("may hold so many sockets; one more is answered with 429 and cut, and others are not concerned", async () => {
    let refused = 0;
    await using door = await startListening({ perAddress: { most: 3 }, onRefused: () => refused++ });
    const held = [1, 2, 3].map(() => new Wire(door.port));
    for (const wire of held) {
      await wire.send(asks);
      await wire.until(({ text }) => text.includes("200 OK"));
    }
    using fourth = new Wire(door.port);
    await fourth.closed;
    expect(fourth.text).toMatch(/^HTTP\/1\.1 429 Too Many Requests\r\nConnection: close\r\n.*Retry-After: 1\r\n\r\n$/s);
    expect(refused).toBe(1);
    using other = new Wire(door.port, "127.0.0.2");
    await other.send(asks);
    await other.until(({ text }) => text.includes("200 OK"));
    for (const wire of held) wire[Symbol.dispose]();
  });

  test("may hold the next when it has let go of one", async () => {
    await using door = await startListening({ perAddress: { most: 1 } });
    for (let i = 0; i < 5; i++) {
      using wire = new Wire(door.port);
      await wire.send(asks.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
      await wire.closed;
      expect(statusOf(wire)).toBe("200");
    }
  });

  test("that is exempt may hold any number", async () => {
    const keyOf = (address: string) => (address === "127.0.0.2" ? undefined : address);
    await using door = await startListening({ perAddress: { most: 1, keyOf } });
    const wires = Array.from({ length: 20 }, () => new Wire(door.port, "127.0.0.2"));
    await Promise.all(wires.map((wire) => wire.send(asks)));
    await Promise.all(wires.map((wire) => wire.until(({ text }) => text.includes("200 OK"))));
    expect(wires.map(({ isClosed }) => isClosed)).not.toContain(true);
    for (const wire of wires) wire[Symbol.dispose]();
  });

  test("counts under the name that it is given, say its network", async () => {
    const keyOf = () => "127.0.0.0/8";
    await using door = await startListening({ perAddress: { most: 1, keyOf } });
    using first = new Wire(door.port, "127.0.0.1");
    await first.send(asks);
    await first.until(({ text }) => text.includes("200 OK"));
    using second = new Wire(door.port, "127.0.0.2");
    await second.closed;
    expect(statusOf(second)).toBe("429");
  });
});

test("2,000 half-open handshakes of one address take no more sockets than it may hold", async () => {
  let refused = 0;
  await using door = await startListening({ perAddress: { most: 50 }, onRefused: () => refused++, handshakeMs: 1000 });
  const handshake = "GET /ws/instances HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n";
  const tally = await halfOpen({ port: door.port, count: 2000, request: handshake });
  expect(refused).toBeGreaterThan(1000);
  expect(tally[408]).toBe(2000 - refused);
  using other = follow("ws", door.url, "instances");
  await other.count(1);
}, 60_000);

test("A client that goes away in the middle of its body is no defect of ours", async () => {
  await using door = await startListening({});
  for (const encoding of ["Content-Length: 30\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n9\r\n{"]) {
    const wire = new Wire(door.port);
    await wire.send(`POST /api/publish/instances/a HTTP/1.1\r\nHost: a\r\n${encoding}`);
    wire.socket.resetAndDestroy();
    await wire.closed;
    await (await fetch(`${door.url}/healthz`)).text();
  }
  await (await fetch(`${door.url}/healthz`)).text();
  expect(door.faults).toEqual([]);
});
