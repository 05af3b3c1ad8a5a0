import { expect, test } from "vitest";
import { Channel } from "../../src/hub/channel.ts";
import { Lingering } from "../../src/hub/linger.ts";
import { OpeningCache } from "../../src/hub/opening-cache.ts";
import { Progress } from "../../src/hub/progress.ts";
import { Ring } from "../../src/hub/ring.ts";
import { TablePast } from "../../src/hub/table-past.ts";
import { Tally } from "../../src/hub/tally.ts";
import { Frame } from "../../src/protocol/frame.ts";
import { swarm } from "../../src/streams/swarm.ts";
import { ManualClock } from "../support/clock.ts";
import { protocolLimits } from "../support/gateway.ts";

const view = { query: {}, scope: undefined };

/** A channel of a table that is empty, and remembers frames of that many characters. */
function channelWith(clock: ManualClock, characters: number): Channel {
  const ring = new Ring({ ringFrames: 10, ringBytes: 100_000_000 });
  const progress = new Progress(clock);
  progress.level(0);
  const parts = { definition: swarm, progress, ring, rows: () => [], lapses: () => [], isExact: () => true };
  const past = new TablePast({ ...parts, table: () => Promise.reject(new Error("not asked")) as never });
  const tally = new Tally({ stopwatch: () => 0, report: console.error });
  const channel = new Channel({
    definition: swarm,
    ring,
    past,
    limits: protocolLimits,
    openings: new OpeningCache(),
    tally,
  });
  const frame = new Frame({ type: "x", text: "x".repeat(characters) });
  channel.release({ entries: [{ frame, position: 1, part: 0, item: undefined, last: false }], floor: 0, upTo: 1 });
  return channel;
}

async function visit(channel: Channel): Promise<void> {
  await channel.open(view, undefined);
}

test("Of channels that were left, as many are kept as may be, the newest", async () => {
  const clock = new ManualClock();
  const lingering = new Lingering({ clock, lingerMs: 30_000 });
  const dropped: number[] = [];
  const channels = Array.from({ length: 1030 }, () => channelWith(clock, 0));
  for (const [n, channel] of channels.entries()) {
    lingering.watch(channel, () => dropped.push(n) > 0);
    await visit(channel);
  }
  expect(dropped).toEqual([]);
  clock.pass(11_000);
  await visit(channels[0] as Channel);
  expect(dropped).toEqual([1, 2, 3, 4, 5, 6]);
  expect(lingering.size).toBe(1024);
});

test("Of channels that were left, no more is kept than may be remembered", async () => {
  const clock = new ManualClock();
  const lingering = new Lingering({ clock, lingerMs: 30_000 });
  const dropped: number[] = [];
  for (let n = 0; n < 10; n++) {
    const channel = channelWith(clock, 10_000_000);
    lingering.watch(channel, () => dropped.push(n) > 0);
    await visit(channel);
    clock.pass(2000);
  }
  expect(dropped).toEqual([0, 1, 2, 3]);
});

test("A channel is dropped once, when nobody has used it for long enough", async () => {
  const clock = new ManualClock();
  const lingering = new Lingering({ clock, lingerMs: 30_000 });
  let drops = 0;
  const channel = channelWith(clock, 0);
  lingering.watch(channel, () => {
    drops += 1;
    return true;
  });
  clock.pass(20_000);
  await visit(channel);
  clock.pass(20_000);
  expect(drops).toBe(0);
  clock.pass(20_000);
  expect([drops, lingering.size]).toEqual([1, 0]);
  clock.pass(60_000);
  expect(drops).toBe(1);
});

test("Channels that were opened and never joined are bounded like those that were left", () => {
  const clock = new ManualClock();
  const lingering = new Lingering({ clock, lingerMs: 30_000 });
  const dropped: number[] = [];
  for (let n = 0; n < 1030; n += 1) lingering.watch(channelWith(clock, 0), () => dropped.push(n) > 0);
  expect(dropped).toEqual([]);
  clock.pass(11_000);
  lingering.watch(channelWith(clock, 0), () => dropped.push(1030) > 0);
  expect(dropped).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(lingering.size).toBe(1024);
});

test("A channel that its source keeps is asked for again after its next client", async () => {
  const clock = new ManualClock();
  const lingering = new Lingering({ clock, lingerMs: 30_000 });
  const channel = channelWith(clock, 0);
  let asked = 0;
  lingering.watch(channel, () => {
    asked += 1;
    return asked === 2;
  });
  clock.pass(31_000);
  expect([asked, channel.isDropped]).toEqual([1, false]);
  await visit(channel);
  clock.pass(31_000);
  expect([asked, channel.isDropped]).toEqual([2, true]);
});
