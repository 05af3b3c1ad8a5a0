import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { EventSource } from "eventsource";
import { expect, test } from "vitest";
import { ManualClock } from "../support/clock.ts";
import { startGateway } from "../support/gateway.ts";
import { layWire } from "../support/proxy.ts";

test("The head is that of an event stream that no proxy may hold back", async () => {
  await using gateway = await startGateway();
  const response = await fetch(`${gateway.url}/sse/instances`);
  expect(response.status).toBe(200);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
  });
  await response.body?.cancel();
});

test("HEAD answers the headers only", async () => {
  await using gateway = await startGateway();
  const response = await fetch(`${gateway.url}/sse/instances`, { method: "HEAD" });
  expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  expect(await response.text()).toBe("");
});

test("curl -N shows the retry time and the first frame at once", async () => {
  await using gateway = await startGateway();
  const curl = spawn("curl", ["-sN", `${gateway.url}/sse/instances`]);
  let text = "";
  while (!text.includes("snapshot")) text += String((await once(curl.stdout, "data"))[0]);
  curl.kill();
  expect(text).toMatch(/^retry: \d+\n\nid: [a-z0-9]+-0\ndata: \{"type":"snapshot",.*\}\n\n$/);
});

test("A client of HTTP/1.0, as some proxies are, gets the events without chunks", async () => {
  await using gateway = await startGateway();
  const socket = connect(Number(new URL(gateway.url).port), "127.0.0.1");
  socket.write("GET /sse/instances HTTP/1.0\r\nHost: localhost\r\n\r\n");
  let text = "";
  while (!text.includes("snapshot")) text += String((await once(socket, "data"))[0]);
  socket.destroy();
  expect(text.split("\r\n\r\n")[1]).toMatch(/^retry: \d+\n\nid: /);
});

test("After 20 s of silence a ping is sent as an ordinary frame, and not before", async () => {
  const clock = new ManualClock();
  await using gateway = await startGateway({ clock });
  const response = await fetch(`${gateway.url}/sse/instances`);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  // The retry time and the first frame may come in one piece or in two.
  while (!(await reader?.read())?.value?.includes("snapshot"));
  clock.pass(19_000);
  await gateway.publish("instances/a", { status: "running" });
  expect((await reader?.read())?.value).toContain("instance_created");
  clock.pass(19_000);
  clock.pass(3_000);
  expect((await reader?.read())?.value).toBe('data: {"type":"ping","timestamp":"2026-01-01T00:00:40.000Z"}\n\n');
  await reader?.cancel();
});

test("An EventSource whose run is over is stopped for good by 204", async () => {
  await using gateway = await startGateway();
  for (const type of ["boot", "done"]) await gateway.publish("runs/r1", { type });
  const source = new EventSource(`${gateway.url}/sse/runs/r1`);
  const types: string[] = [];
  source.onmessage = ({ data }) => types.push(JSON.parse(data).type);
  const stopped = new Promise<number | undefined>((resolve) => {
    source.onerror = ({ code }) => {
      if (source.readyState === EventSource.CLOSED) resolve(code);
    };
  });
  expect(await stopped).toBe(204);
  expect(types).toEqual(["snapshot", "boot", "done"]);
});

test("An EventSource that loses its connection reconnects with Last-Event-ID and misses nothing", async () => {
  await using gateway = await startGateway();
  await using wire = await layWire(gateway.url);
  const source = new EventSource(`${wire.url}/sse/runs/r1`);
  const numbers: number[] = [];
  let wake = () => {};
  source.onmessage = ({ data }) => {
    const { n } = JSON.parse(data);
    if (n !== undefined) numbers.push(n);
    wake();
  };
  for (let n = 1; n <= 30; n++) {
    await gateway.publish("runs/r1", { type: "task_end", n });
    if (n % 10 === 0) {
      while (numbers.length < n - 5) await new Promise<void>((resolve) => (wake = resolve));
      wire.cut();
    }
  }
  while (numbers.length < 30) await new Promise<void>((resolve) => (wake = resolve));
  source.close();
  expect(numbers).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
  expect(wire.count).toBeGreaterThan(1);
});
