import { describe, expect, test } from "vitest";
import { connectScripted, covered, snapshot } from "./scripted-skein.ts";
import { settled } from "./scripted-world.ts";

const pong = { type: "pong" };
const fleet = (cursor: string, ...names: string[]) => covered("instances", snapshot(cursor, ...names));

describe("A connection that is lost", () => {
  test("is tried again after 1, 2, 4, 8, 16 and then 30 seconds, and after 1 again once it has worked", async () => {
    const { world, skein } = await connectScripted();
    const pauses: number[] = [];
    for (let attempt = 0; attempt < 8; attempt++) {
      world.socketNow.end(1006);
      const ms = (skein.status.retryAtMs ?? 0) - world.now();
      pauses.push(ms);
      world.clock.pass(ms);
      await settled();
    }
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    world.socketNow.say(pong);
    world.socketNow.end(1006);
    expect(skein.status).toMatchObject({ state: "waiting", retryAtMs: world.now() + 1000 });
  });

  test("waits half as long when the dice say so", async () => {
    const { world, skein } = await connectScripted();
    Object.assign(world, { random: () => 0 });
    world.socketNow.end(1006);
    expect(skein.status.retryAtMs).toBe(world.now() + 500);
  });

  test("goes on from the newest cursor, and hears nothing more of the old one", async () => {
    const { world, frames } = await connectScripted();
    const [first] = world.sockets;
    first?.say(fleet("e-1", "a"));
    const hear = first?.onmessage;
    first?.end(1006);
    hear?.({ data: JSON.stringify(fleet("e-9", "z")) });
    world.clock.pass(1000);
    await settled();
    world.socketNow.open();
    expect(world.socketNow.sent).toContainEqual({ type: "subscribe", stream: "instances", since: "e-1" });
    expect(frames.map(({ cursor }) => cursor)).toEqual(["e-1"]);
  });

  test("begins anew when it was cut in the middle of a beginning", async () => {
    const { world, skein } = await connectScripted();
    skein.stream("mission").onFrame(() => {});
    world.socketNow.say(covered("mission", { type: "snapshot", count: 0, cursor: "m-1" }));
    world.socketNow.say(covered("mission", { type: "snapshot", count: 2, reason: "lagged" }));
    world.socketNow.end(1006);
    world.clock.pass(1000);
    await settled();
    world.socketNow.open();
    expect(world.socketNow.sent).toContainEqual({ type: "subscribe", stream: "mission" });
  });

  const codes: [number, string][] = [
    [1000, "waiting"],
    [1001, "waiting"],
    [1006, "waiting"],
    [1008, "refused"],
    [1009, "refused"],
    [1011, "waiting"],
    [4400, "refused"],
    [4401, "refused"],
    [4403, "refused"],
    [4404, "refused"],
    [4408, "waiting"],
    [4410, "refused"],
    [4429, "waiting"],
    [4500, "waiting"],
    [4503, "waiting"],
  ];
  test.each(codes)("with close code %i is %s", async (code, state) => {
    const { world, skein } = await connectScripted({ transports: ["ws"], token: "constant" });
    world.socketNow.say(pong);
    world.socketNow.end(code);
    expect(skein.status.state).toBe(state);
    expect(skein.stream("instances").status.phase).toBe(state === "refused" ? "refused" : "loading");
  });

  test("waits as long as the gateway says", async () => {
    const { world, skein } = await connectScripted();
    world.socketNow.say({ type: "error", code: "too_many_connections", message: "Wait", retry_after: 7 });
    world.socketNow.end(4429);
    expect(skein.status).toEqual({
      state: "waiting",
      transport: "ws",
      retryAtMs: world.now() + 7000,
      refusal: { code: "too_many_connections", message: "Wait" },
    });
  });
});

describe("A connection that says nothing", () => {
  test("is left after 90 seconds, and pinged every 30 before", async () => {
    const { world, skein } = await connectScripted();
    world.socketNow.say(pong);
    world.clock.pass(80_000);
    expect(skein.status.state).toBe("live");
    expect(world.socketNow.sent.filter(({ type }) => type === "ping").length).toBeGreaterThanOrEqual(3);
    world.clock.pass(10_000);
    expect(skein.status.state).toBe("waiting");
  });

  test("is looked at as soon as the machine wakes up, and left 5 seconds later", async () => {
    const { world, skein } = await connectScripted();
    world.socketNow.say(pong);
    const { sent } = world.socketNow;
    const pings = () => sent.filter(({ type }) => type === "ping").length;
    const before = pings();
    world.sleptMs = 600_000;
    world.clock.pass(10_000);
    expect(pings()).toBe(before + 1);
    expect(skein.status.state).toBe("live");
    world.clock.pass(5000);
    expect(skein.status.state).toBe("waiting");
  });

  test("is offline while the network is gone, and is tried at once when it is back", async () => {
    const { world, skein } = await connectScripted();
    world.socketNow.say(pong);
    world.online = false;
    world.wake();
    expect(skein.status.state).toBe("live");
    world.clock.pass(5000);
    expect(skein.status).toEqual({ state: "offline", transport: "ws" });
    world.online = true;
    world.wake();
    await settled();
    expect(world.sockets).toHaveLength(2);
  });
});

describe("A gateway's own refusal", () => {
  test("is not the fault of the transport", async () => {
    const { world, skein } = await connectScripted({});
    for (let attempt = 0; attempt < 5; attempt++) {
      world.socketNow.say({ type: "error", code: "keys_away", message: "No keys" });
      world.socketNow.end(4503);
      expect(skein.status).toMatchObject({ state: "waiting", transport: "ws", refusal: { code: "keys_away" } });
      world.clock.pass(30_000);
      await settled();
    }
  });
});
