import { describe, expect, test } from "vitest";
import type { AnyFrame } from "../../src/client/index.ts";
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

describe("A stream", () => {
  test("that is refused for now is asked for again on the same connection, with growing pauses", async () => {
    const { world, skein } = await connectScripted();
    const away = () => {
      world.socketNow.say(covered("instances", { type: "error", code: "bus_away", message: "The bus is away" }));
      world.socketNow.say(covered("instances", { type: "unsubscribed", reason: "bus_away" }));
    };
    const asked = () => world.socketNow.sent.filter(({ type }) => type === "subscribe");
    world.socketNow.say(fleet("e-1", "a"));
    away();
    expect(skein.stream("instances").status).toMatchObject({ phase: "away", refusal: { code: "bus_away" } });
    world.clock.pass(1000);
    away();
    world.clock.pass(1999);
    expect(asked()).toHaveLength(2);
    world.clock.pass(1);
    expect(asked()).toEqual([
      { type: "subscribe", stream: "instances" },
      ...[1, 2].map(() => ({ type: "subscribe", stream: "instances", since: "e-1" })),
    ]);
    world.socketNow.say(covered("instances", { type: "resumed", replayed: 0, cursor: "e-1" }));
    expect(skein.stream("instances").status).toMatchObject({ phase: "live" });
    expect(world.sockets).toHaveLength(1);
  });

  test("that is left and wanted again at once hears nothing of the time before", async () => {
    const { world, skein, frames } = await connectScripted();
    world.socketNow.say(fleet("e-1", "a"));
    const seen: unknown[] = [];
    const follow = () => skein.stream("messages").onFrame(({ type }) => seen.push(type));
    follow()();
    world.clock.pass(1000);
    follow();
    const tags = world.socketNow.sent.flatMap(({ type, stream }) => (type === "subscribe" ? [String(stream)] : []));
    expect(tags).toEqual(["instances", "messages", "messages?"]);
    world.socketNow.say(covered("messages", { type: "snapshot", recent_events: [], cursor: "m-1" }));
    world.socketNow.say(covered("messages", { type: "unsubscribed" }));
    expect(seen).toEqual([]);
    world.socketNow.say(covered("messages?", { type: "snapshot", recent_events: [], cursor: "m-1" }));
    expect(seen).toEqual(["snapshot"]);
    expect(frames).toHaveLength(1);
  });

  test("that counts what follows is shown when it is all there, or when no more will come", async () => {
    const { world, skein } = await connectScripted();
    const run = skein.stream("runs/r");
    const lengths: (number | undefined)[] = [];
    run.subscribe((events) => lengths.push(events?.length));
    world.socketNow.open();
    const say = (frame: AnyFrame) => {
      world.socketNow.say(covered("runs/r", frame));
      world.clock.pass(0);
    };
    const event = (n: number) => ({ type: "task_start", n, cursor: `r-${n}` });
    say({ type: "snapshot", count: 2, cursor: "r-0" });
    say(event(1));
    expect(run.getSnapshot()).toBeUndefined();
    say(event(2));
    say({ type: "snapshot", count: 5, reason: "lagged", cursor: "r-0" });
    say(event(1));
    expect(run.getSnapshot()).toHaveLength(2);
    world.socketNow.end(1006);
    world.clock.pass(0);
    expect(lengths).toEqual([undefined, 2, 1]);
  });

  test("gives whoever iterates over its states the newest, and lets go of it when that is enough", async () => {
    const { world, skein } = await connectScripted();
    const states = skein.stream("instances")[Symbol.asyncIterator]();
    const first = states.next();
    for (const name of ["a", "b", "c"]) {
      world.socketNow.say(fleet(`e-${name}`, name));
      world.clock.pass(0);
    }
    expect([...(await first).value.keys()]).toEqual(["a"]);
    expect([...(await states.next()).value.keys()]).toEqual(["c"]);
    const pending = states.next();
    await states.return?.();
    expect(await pending).toEqual({ done: true, value: undefined });
    const last = skein.stream("instances").frames()[Symbol.asyncIterator]().next();
    skein.close();
    expect(await last).toEqual({ done: true, value: undefined });
  });

  test("whose listener throws goes on, and the fault is thrown where it is seen", async () => {
    const { world, skein, frames } = await connectScripted();
    const stream = skein.stream("instances", { reduce: () => "same" });
    stream.onFrame(() => {
      throw new Error("from the page");
    });
    world.socketNow.say(fleet("e-1", "a"));
    expect(frames).toHaveLength(1);
    expect(() => world.clock.pass(0)).toThrow("from the page");
  });
});

describe("A message", () => {
  const hide = { type: "set_include_archived", value: true };

  test("waits for a WebSocket, and is said again to each new one, on a stream that begins anew", async () => {
    const { world, skein } = await connectScripted();
    const sent = skein.stream("instances").send(hide);
    expect(world.socketNow.sent).toEqual([]);
    world.socketNow.say(pong);
    await sent;
    expect(world.socketNow.sent).toContainEqual({ ...hide, stream: "instances" });
    world.socketNow.say(fleet("e-5", "a"));
    world.socketNow.end(1006);
    world.clock.pass(1000);
    await settled();
    world.socketNow.open();
    expect(world.socketNow.sent.slice(1)).toEqual([
      { type: "subscribe", stream: "instances" },
      { ...hide, stream: "instances" },
    ]);
  });

  test("is refused when 64 wait already, when nobody follows the stream, and when the connection is closed", async () => {
    const { skein } = await connectScripted();
    const stream = skein.stream("instances");
    const waiting = Array.from({ length: 64 }, () => stream.send(hide).catch((fault: Error) => fault.message));
    await expect(stream.send(hide)).rejects.toThrow("64 messages wait already");
    await expect(skein.stream("graph").send(hide)).rejects.toThrow('"graph" is not followed');
    skein.close();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['"instances" is not followed, or it is over']));
    await expect(stream.send(hide)).rejects.toThrow("not followed");
  });

  test("is refused where WebSockets are not allowed", async () => {
    const { skein } = await connectScripted({ transports: ["sse"] });
    await expect(skein.stream("instances").send(hide)).rejects.toThrow("WebSocket");
  });
});

describe("connect", () => {
  test("goes below the path that it is given, as whoever the token says", async () => {
    const { world } = await connectScripted({ token: "jwt" });
    expect(world.socketNow).toMatchObject({ url: "ws://gateway.test/prefix/ws", protocols: ["token", "jwt"] });
  });

  test("refuses what is no gateway's address, no transport and no stream", async () => {
    const { skein } = await connectScripted();
    await expect(connectScripted({ transports: [] })).rejects.toThrow(TypeError);
    expect(() => skein.stream("")).toThrow(TypeError);
  });
});
