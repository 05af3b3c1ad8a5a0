// One who floods a gateway, in a process of its own: node bench/flood-load.ts KIND PORT; it goes on until it is killed.
import { type Flood, flood, floodKept, halfOpen } from "../test/hardening/flooding.ts";

const handshake =
  "GET /ws/runs/r1 HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const event = JSON.stringify({ type: "error", timestamp: "2026-01-01T00:00:00Z", run_id: "flood" });
const publication = `POST /api/publish/runs/flood HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${event.length}\r\n\r\n${event}`;
const subscription = "GET /sse/runs/r1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

type Kind = "half-open" | "connects" | "subscriptions" | "publishes";

const floods: Readonly<Record<Kind, (flood: Omit<Flood, "request">) => Promise<unknown>>> = {
  "half-open": (of) => halfOpen({ ...of, request: handshake }),
  connects: (of) => flood({ ...of, request: `${handshake}\r\n` }),
  subscriptions: (of) => flood({ ...of, request: subscription }),
  publishes: (of) => floodKept({ ...of, request: publication }),
};

const [kind, port] = process.argv.slice(2);
for (;;) await floods[kind as Kind]({ port: Number(port), count: 2000, atOnce: 64 });
