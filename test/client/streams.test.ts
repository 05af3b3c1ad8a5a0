import { describe, expect, test } from "vitest";
import type { AnyFrame } from "../../src/client/index.ts";
import { connectScripted, covered, snapshot } from "./scripted-skein.ts";
import { settled } from "./scripted-world.ts";

const pong = { type: "pong" };
const fleet = (cursor: string, ...names: string[]) => covered("instances", snapshot(cursor, ...names));

describe("A stream", () => {
  test("is followed for a second after its last listener, so that one who comes right back has lost nothing", async () => {
    const { world, skein } = await connectScripted();
    world.socketNow.open();
    const stream = skein.stream("swarm");
    const said = () => world.socketNow.sent.filter(({ stream: name }) => name === "swarm").map(({ type }) => type);
    stream.subscribe(() => {})();
    world.clock.pass(999);
    const stop = stream.subscribe(() => {});
    world.clock.pass(5000);
    expect(said()).toEqual(["subscribe"]);
    stop();
    world.clock.pass(1000);
    expect(said()).toEqual(["subscribe", "unsubscribe"]);
  });

  test("tells its state once a turn, and the same one until it changes", async () => {
    const { world, skein } = await connectScripted();
    const stream = skein.stream("instances");
    const states: unknown[] = [];
    stream.subscribe((state) => states.push(state));
    for (const cursor of ["e-1", "e-2", "e-3"]) world.socketNow.say(fleet(cursor, cursor));
    world.clock.pass(0);
    expect(states).toEqual([undefined, stream.getSnapshot()]);
    const before = stream.getSnapshot();
    world.socketNow.say(covered("instances", { type: "resumed", replayed: 0, cursor: "e-3" }));
    world.clock.pass(0);
    expect(stream.getSnapshot()).toBe(before);
    expect(states).toHaveLength(2);
  });

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

  test("to a room is said again with those to the other rooms, the newest last", async () => {
    const { world, skein } = await connectScripted();
    const rooms = skein.stream("tasks");
    rooms.onFrame(() => {});
    world.socketNow.say(pong);
    const enter = (id: string) => rooms.send({ type: "subscribe_instance", instance_id: id });
    const leave = (id: string) => rooms.send({ type: "unsubscribe_instance", instance_id: id });
    await Promise.all([enter("a"), enter("b"), leave("a"), enter("a")]);
    world.socketNow.end(1006);
    world.clock.pass(1000);
    await settled();
    world.socketNow.open();
    const said = world.socketNow.sent
      .filter(({ instance_id }) => instance_id)
      .map(({ type, instance_id }) => [type, instance_id]);
    expect(said).toEqual([
      ["subscribe_instance", "b"],
      ["unsubscribe_instance", "a"],
      ["subscribe_instance", "a"],
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
