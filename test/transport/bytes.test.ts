import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { buses } from "../support/buses.ts";
import { follow, transports } from "../support/client.ts";
import { startGateway } from "../support/gateway.ts";

const count = 1000;

/** Any JSON there is, with what breaks line protocols and string handling made likely. */
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom("\u2028", "\u2029", "\r\n", "data: x\n\n", "\ud800", "é漢🦑", "\u0000", "x".repeat(20_000)),
);
const value = fc.jsonValue({ stringUnit: "binary", maxDepth: 3 });
const body = fc.record({ text, value, list: fc.array(text, { maxLength: 3 }) });

describe.each(buses)("On %s", (_name, open) => {
  test("a thousand random frames arrive as equal bytes over WebSocket, SSE and poll", async () => {
    await using opened = await open();
    await using gateway = await startGateway({ bus: opened.bus });
    const clients = transports.map((transport) => follow(transport, gateway.url, "runs/bytes"));
    await Promise.all(clients.map((client) => client.count(1)));
    const bodies = fc.sample(body, count);
    const journal = await opened.bus.journal({ name: "runs", subjects: ["skein.*.runs.*"], keepMs: 7 * 86_400_000 });
    const published = bodies.map((sent) => {
      const event = new TextEncoder().encode(JSON.stringify({ type: "task_end", sent }));
      return journal.append("skein.default.runs.bytes", event);
    });
    await Promise.all(published);
    const [ws, sse, poll] = await Promise.all(clients.map((client) => client.count(count + 1).then(() => client.raw)));
    expect(sse).toEqual(ws);
    expect(poll).toEqual(ws);
    expect(ws?.slice(1).map((json) => JSON.stringify(JSON.parse(json).sent))).toEqual(
      bodies.map((sent) => JSON.stringify(sent)),
    );
    for (const client of clients) client.close();
  });

  test("a number that no double can hold keeps its digits", async () => {
    await using opened = await open();
    await using gateway = await startGateway({ bus: opened.bus });
    const numbers =
      '{"type":"boot","ns":1763690000123456789,"big":-98765432109876543210,"huge":1e400,"half":0.5,"e":1e3}';
    const answer = await fetch(`${gateway.url}/api/publish/runs/digits`, { method: "POST", body: numbers });
    expect(answer.status).toBe(201);
    using client = follow("sse", gateway.url, "runs/digits");
    await client.count(2);
    expect(client.raw[1]).toContain(
      '"ns":1763690000123456789,"big":-98765432109876543210,"huge":1e400,"half":0.5,"e":1000',
    );
  });
});
