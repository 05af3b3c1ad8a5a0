import type { Page } from "playwright-core";
import { WebSocket } from "ws";
import { type Client, follow } from "../support/client.ts";
import { storyMs } from "../support/demo-story.ts";
import type { DemoWorld } from "../support/demo-world.ts";
import { token } from "../support/tokens.ts";

/** Clients of a gateway, and what they are told. */
export interface Traffic extends Disposable {
  readonly world: DemoWorld;
  readonly clients: Client[];
  readonly stalled: readonly WebSocket[];
  readonly tokens: readonly string[];
}

const people = ["ada", "grace", "wall-display", "ci", "alan"];

/** How many times two seconds pass in the picture. */
const looks = 150;

const streams = [
  "instances",
  "messages",
  "runs/checkout-redesign",
  "graph",
  "instances/coder-1/logs?backlog=50",
  "swarm",
];

/** Runs whose followers stop reading, and when they are told more than a socket holds. */
const stalls = [
  { run: "nightly-index", from: 50, to: 80 },
  { run: "reindex", from: 120, to: 150 },
] as const;

/** Opens a few connections, one of which stops reading. */
export async function openTraffic(world: DemoWorld): Promise<Traffic> {
  const facts = { org: "default", iat: storyMs / 1000 - 60, exp: Date.UTC(2100, 0) / 1000 };
  const tokens = await Promise.all(people.map((sub) => token({ ...facts, sub })));
  const clients: Client[] = [];
  const { url } = world.gateway;
  const many = `?${streams.map((stream) => `stream=${encodeURIComponent(stream)}`).join("&")}`;
  for (const [i, own] of tokens.entries()) {
    clients.push(follow("ws", url, i % 2 === 0 ? many : (streams[i] ?? "instances"), own));
    if (i % 2 === 1) clients.push(follow("sse", url, streams[i + 1] ?? "instances", own));
  }
  clients.push(follow("poll", url, "instances", tokens[3]));
  await Promise.all(clients.map((client) => client.count(1)));
  const stalled = await Promise.all(stalls.map(({ run }) => stall(`${url}/ws/runs/${run}`, tokens[2] ?? "")));
  return {
    world,
    clients,
    stalled,
    tokens,
    [Symbol.dispose]() {
      for (const socket of stalled) socket.terminate();
      for (const client of clients) client.close();
    },
  };
}

/** Follows a stream, and reads no more than its beginning. */
async function stall(address: string, own: string): Promise<WebSocket> {
  const socket = new WebSocket(address.replace("http", "ws"), ["token", own]);
  await new Promise((resolve) => socket.once("message", resolve));
  socket.pause();
  return socket;
}

/** Lets five minutes pass in a moment, and the page look at each two seconds of them. */
export async function liveThrough({ world, clients, stalled, tokens }: Traffic, page: Page): Promise<void> {
  const looked = () => page.waitForResponse((response) => response.url().includes("/api/gateway"));
  await page.locator(".tiles").waitFor();
  for (let look = 0; look < looks; look++) {
    world.pass(2000);
    const busy = Math.round(6 + 5 * Math.sin(look / 9) + 3 * Math.sin(look / 2.3));
    for (let n = 0; n < busy; n++) {
      await world.gateway.publish(`messages/m-${look}-${n}`, {
        event: "sent",
        from: "a",
        to: "b",
        message_type: "note",
      });
    }
    for (const { run, from, to } of stalls) {
      const body = { type: "task_start", filler: "x".repeat(900_000) };
      const told = { tail: `runs.${run}`, body, agoS: 0 };
      if (look >= from && look < to) await world.tell([told, told]);
    }
    if (look % 30 === 10) clients.push(follow("sse", world.gateway.url, "messages", tokens[4]));
    if (look % 40 === 39) clients.pop()?.close();
    for (const client of clients) client.send({ type: "ping" });
    for (const socket of stalled)
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: "ping" }));
    const seen = looked();
    await page.clock.runFor(2000);
    await seen;
  }
}
