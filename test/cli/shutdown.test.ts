import { once } from "node:events";
import { get } from "node:http";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { type Client, follow } from "../support/client.ts";
import { type Started, startSkein } from "../support/process.ts";

const drainMs = 1000;
/** What a process needs beyond the drain time to end on a busy machine. */
const slackMs = 1500;

/** A gateway that spreads its good-byes over so many milliseconds. */
function draining(ms: number): Promise<Started> {
  return startSkein(["--drain", `${ms}ms`]);
}

/** As many clients of a gateway over WebSocket as wanted, each with its first frame. */
async function crowd({ url }: Started, size: number): Promise<Client[]> {
  const clients = Array.from({ length: size }, () => follow("ws", url, "instances"));
  await Promise.all(clients.map((client) => client.count(1)));
  return clients;
}

/** An event stream as text, once the first frame is there; `whole` settles at its end. */
async function eventStream({ url }: Started): Promise<{ whole: Promise<string> }> {
  const [response] = await once(get(`${url}/sse/instances`), "response");
  let text = "";
  response.setEncoding("utf8").on("data", (more: string) => {
    text += more;
  });
  await once(response, "data");
  return { whole: once(response, "end").then(() => text) };
}

/** A poll that is held; settles with what it was answered. */
async function heldPoll({ url }: Started): Promise<{ answer: Promise<Response> }> {
  const first = await fetch(`${url}/poll/instances`);
  await first.text();
  const answer = fetch(`${url}/poll/instances?since=${first.headers.get("skein-cursor")}&wait=25`);
  await expect.poll(async () => (await fetch(`${url}/metrics`)).text()).toMatch(/transport="poll"\S* 1/);
  return { answer };
}

test.each(["SIGTERM", "SIGINT"] as const)("%s says good-bye to every client and exits 0", async (signal) => {
  await using gateway = await draining(drainMs);
  const sockets = await crowd(gateway, 5);
  const streams = await Promise.all(Array.from({ length: 5 }, () => eventStream(gateway)));
  const poll = await heldPoll(gateway);
  const sentMs = performance.now();
  gateway.run.signal(signal);
  const ended = await Promise.all(sockets.map((client) => client.ended));
  expect(ended.map(({ code }) => code)).toEqual([1001, 1001, 1001, 1001, 1001]);
  for (const text of await Promise.all(streams.map(({ whole }) => whole))) {
    const retries = [...text.matchAll(/^retry: (\d+)\n\n/gm)].map(([, ms]) => Number(ms));
    expect(text).toMatch(/retry: \d+\n\n$/);
    expect(retries[0]).toBe(1000);
    expect(retries.at(-1)).toBeGreaterThanOrEqual(1000);
    expect(retries.at(-1)).toBeLessThanOrEqual(5000);
  }
  const answer = await poll.answer;
  expect([answer.status, await answer.json()]).toEqual([200, []]);
  expect(answer.headers.get("skein-cursor")).toMatch(/^[a-z0-9]+-\d+$/);
  expect(await gateway.run.exit).toEqual({ code: 0, signal: null });
  expect(performance.now() - sentMs).toBeLessThan(drainMs + slackMs);
});

test("The good-byes are spread over the drain time, and so is when clients come back", async () => {
  await using gateway = await draining(drainMs);
  const sockets = await crowd(gateway, 40);
  const streams = await Promise.all(Array.from({ length: 10 }, () => eventStream(gateway)));
  gateway.run.signal("SIGTERM");
  const endings = sockets.map((client) => client.ended.then(() => performance.now()));
  const times = await Promise.all(endings);
  expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(drainMs / 2);
  const texts = await Promise.all(streams.map(({ whole }) => whole));
  const retries = texts.map((text) => /retry: (\d+)\n\n$/.exec(text)?.[1]);
  expect(new Set(retries).size).toBeGreaterThan(5);
});

test("With nobody connected the process exits at once", async () => {
  await using gateway = await draining(60_000);
  await (await fetch(`${gateway.url}/healthz`)).text();
  gateway.run.signal("SIGTERM");
  expect(await gateway.run.exit).toEqual({ code: 0, signal: null });
});

test("A signal is heard from the moment the banner is there", async () => {
  await using gateway = await startSkein();
  gateway.run.signal("SIGTERM");
  expect(await gateway.run.exit).toEqual({ code: 0, signal: null });
});

test("During the drain nobody new is let in, so that a balancer moves on to the next gateway", async () => {
  await using gateway = await draining(60_000);
  await crowd(gateway, 40);
  gateway.run.signal("SIGTERM");
  await gateway.run.until(({ stderr }) => stderr.includes("good-bye"));
  const newcomer = connect(Number(new URL(gateway.url).port), "127.0.0.1");
  await expect(once(newcomer, "connect")).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

test("A second signal leaves at once", async () => {
  await using gateway = await draining(600_000);
  await crowd(gateway, 5);
  gateway.run.signal("SIGTERM");
  await gateway.run.until(({ stderr }) => stderr.includes("good-bye"));
  gateway.run.signal("SIGTERM");
  expect((await gateway.run.exit).code).toBe(130);
});

test("A client that never answers the good-bye does not hold the process up", async () => {
  await using gateway = await draining(0);
  const socket = connect(gateway.port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(
    "GET /ws/instances HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  await once(socket, "data");
  socket.pause();
  gateway.run.signal("SIGTERM");
  expect(await gateway.run.exit).toEqual({ code: 0, signal: null });
  socket.destroy();
});
