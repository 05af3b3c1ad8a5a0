import { afterEach, describe, expect, test } from "vitest";
import { openNatsBus } from "../../src/bus/nats.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { isUp } from "../support/buses.ts";
import { follow, type Seen } from "../support/client.ts";
import { Correspondent, Listener, type Received } from "../support/correspondent.ts";
import { startNatsServer } from "../support/nats-server.ts";
import { makeFolder, type Started, startSkein } from "../support/process.ts";

const env = { SKEIN_LETTER_RETRY_MS: "1s" };
const running: Started[] = [];

afterEach(async () => {
  for (const { run } of running.splice(0)) await run.kill();
});

async function start(args: readonly string[]): Promise<Started> {
  const gateway = await startSkein(args, { env });
  running.push(gateway);
  return gateway;
}

/** Sends messages until the gateway is killed, and gives the ids of those that it took. */
async function sendUntilKilled(gateway: Started, to: string): Promise<string[]> {
  const mail = new Correspondent(gateway.url);
  const ids: string[] = [];
  const line = async () => {
    for (;;) ids.push(await mail.send({ to, payload: { text: "x".repeat(500) } }));
  };
  const lines = Array.from({ length: 8 }, () => line().catch(() => {}));
  while (ids.length < 100) await new Promise((resolve) => setImmediate(resolve));
  await gateway.run.kill();
  await Promise.all(lines);
  return ids;
}

/** The events of each message on the stream, once all of them are acknowledged. */
async function livesOf(gateway: Started, ids: readonly string[]): Promise<Map<string, string[]>> {
  using client = follow("ws", gateway.url, "messages?recent=500&instance=ann");
  const all = (frames: Seen[]) => frames.flatMap((frame) => (frame.recent_events as Seen[]) ?? [frame]);
  const isOver = (seen: Seen[]) => {
    const over = new Set(all(seen).flatMap(({ event, message_id }) => (event === "acknowledged" ? [message_id] : [])));
    return ids.every((id) => over.has(id));
  };
  const lives = new Map<string, string[]>();
  for (const { message_id, event } of all(await client.until(isOver))) {
    lives.set(String(message_id), [...(lives.get(String(message_id)) ?? []), String(event)]);
  }
  return lives;
}

/** Every message has each event of its life, in order, and `sent` and `acknowledged` once. */
function expectWholeLives(lives: ReadonlyMap<string, readonly string[]>, ids: readonly string[]): void {
  for (const id of ids) expect(lives.get(id)?.join(" ")).toMatch(/^sent (delivered )+acknowledged$/);
}

describe("A gateway that is killed with -9 among messages loses none and no event of any", () => {
  test("on the embedded bus, when it is started again", async () => {
    using folder = makeFolder();
    const args = ["--data", folder.path];
    const ids = await sendUntilKilled(await start(args), "carl");
    const second = await start(args);
    const mail = new Correspondent(second.url);
    const got = new Set<string>();
    while (ids.some((id) => !got.has(id))) {
      for (const { message_id } of await mail.inbox("carl", "?wait=20&limit=100")) {
        got.add(message_id);
        expect((await mail.post(`messages/${message_id}/ack`, { agent: "carl" })).status).toBe(200);
      }
    }
    expectWholeLives(await livesOf(second, ids), ids);
  });

  test("on NATS, where another one goes on", async () => {
    const server = await startNatsServer();
    const bus = await openNatsBus({ url: server.url, clock: systemClock });
    await isUp(bus);
    const [first, second] = await Promise.all([start(["--nats", server.url]), start(["--nats", server.url])]);
    const got = new Map<string, Received>();
    using carl = new Listener(bus, "carl", async (offer) => {
      got.set(offer.message_id, offer);
      await new Promise((resolve) => setTimeout(resolve, 20));
      return { ack: true };
    });
    const ids = await sendUntilKilled(first, "carl");
    while (ids.some((id) => !got.has(id))) await carl.count(carl.offers.length + 1);
    expectWholeLives(await livesOf(second, ids), ids);
    await bus.close();
    await server.stop();
  });
});
