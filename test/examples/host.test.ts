import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openNatsBus } from "../../src/bus/nats.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { isUp } from "../support/buses.ts";
import { follow, type Seen } from "../support/client.ts";
import { startGateway } from "../support/gateway.ts";
import { startNatsServer } from "../support/nats-server.ts";

const main = fileURLToPath(new URL("../../examples/host/main.ts", import.meta.url));

function publishHost(...args: string[]): ChildProcess {
  return spawn(process.execPath, [main, ...args], { stdio: "ignore" });
}

const rowsOf = ([snapshot]: Seen[]) => (snapshot?.instances ?? []) as Seen[];

test("The host example publishes this machine's processes over HTTP, this one among them", async () => {
  await using gateway = await startGateway();
  const [code] = await once(publishHost(gateway.url, "--once"), "exit");
  expect(code).toBe(0);
  using client = follow("ws", gateway.url, "instances");
  const rows = rowsOf(await client.count(1));
  expect(rows.length).toBeGreaterThan(1);
  expect(rows.find(({ pid }) => pid === process.pid)).toMatchObject({ status: "running", archived_at: null });
});

test("Over NATS it tells live that a process has started and that it has ended", async () => {
  const server = await startNatsServer();
  const bus = await openNatsBus({ url: server.url, clock: systemClock });
  await isUp(bus);
  await using gateway = await startGateway({ bus });
  const client = follow("sse", gateway.url, "instances");
  const example = publishHost(server.url, "--every", "100");
  await client.until((frames) => frames.some(({ pid }) => pid === process.pid));
  // Big enough to be among the forty that the example shows.
  const busy = spawn(process.execPath, ["-e", "globalThis.kept = Buffer.alloc(3e8, 1); setInterval(() => {}, 1e6)"]);
  await client.until((frames) => frames.some(({ type, pid }) => type === "instance_created" && pid === busy.pid));
  const name = client.frames.find(({ pid }) => pid === busy.pid)?.name;
  busy.kill("SIGKILL");
  await client.until((frames) => frames.some((frame) => frame.name === name && frame.status === "stopped"));
  example.kill("SIGTERM");
  expect(await once(example, "exit")).toEqual([0, null]);
  client.close();
  await gateway.close();
  await bus.close();
  await server.stop();
});
