import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { openNatsBus } from "../../src/bus/nats.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { isUp } from "../support/buses.ts";
import { Correspondent, Listener } from "../support/correspondent.ts";
import { startSkein } from "../support/process.ts";
import { startStrictNats } from "../support/strict-nats.ts";

const count = 100;
const env = { SKEIN_LETTER_RETRY_MS: "1s" };

test("A gateway that is started again with 100 unread messages of 1 MB is ready at once, is never cut off and delivers each whole", async () => {
  await using nats = await startStrictNats("16MB");
  const { url } = nats.server;
  const expected = new Map<string, string>();
  await using first = await startSkein(["--nats", url], { env });
  const mail = new Correspondent(first.url);
  for (let i = 0; i < count; i++) {
    const payload = `${i} `.padEnd(1_000_000, String(i % 10));
    expected.set(await mail.send({ to: "carl", payload }), payload);
  }
  await first.run.kill();
  const emptyMs = await startedWithin([]);
  const before = performance.now();
  await using second = await startSkein(["--nats", url], { env });
  // What a gateway takes that has nothing to read, and as long again.
  expect(performance.now() - before).toBeLessThan(2 * emptyMs + 2_000);
  expect((await fetch(`${second.url}/readyz`)).status).toBe(200);
  const idle = peakOf(second.run.pid);
  const bus = await openNatsBus({ url, clock: systemClock });
  await isUp(bus);
  const got = new Map<string, unknown>();
  using carl = new Listener(bus, "carl", ({ message_id, payload }) => {
    expect(got.has(message_id)).toBe(false);
    got.set(message_id, payload);
    return { ack: true };
  });
  await carl.count(count);
  expect([...got.keys()].toSorted()).toEqual([...expected.keys()].toSorted());
  for (const [id, payload] of expected) expect(got.get(id) === payload).toBe(true);
  expect((await fetch(`${second.url}/readyz`)).status).toBe(200);
  expect(await nats.slowConsumers()).toBe(0);
  // Idle it holds envelopes, and never more than 16 MB of payloads are offered at once.
  expect(idle).toBeLessThan(180);
  expect(peakOf(second.run.pid)).toBeLessThan(400);
  await bus.close();
}, 120_000);

/** How long a gateway takes that starts on a bus of its own, in milliseconds. */
async function startedWithin(args: readonly string[]): Promise<number> {
  const before = performance.now();
  await using _gateway = await startSkein(["--data", ":memory:", ...args]);
  return performance.now() - before;
}

/** The most memory that a process has had, in megabytes. */
function peakOf(pid: number): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]) / 1_000;
}
