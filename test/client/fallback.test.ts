import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { connectIn } from "../../src/client/connect.ts";
import type { Skein } from "../../src/client/index.ts";
import { transports } from "../../src/client/skein.ts";
import { startBlockingProxy, type Treatment } from "../support/blocking-proxy.ts";
import { buses, type TestBus } from "../support/buses.ts";
import { follow } from "../support/client.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { enforced, token } from "../support/tokens.ts";
import { hurried, hurry, until, watch } from "./following.ts";

/** Settles when the connection lives on a transport. */
async function on(skein: Skein, transport: string): Promise<void> {
  await until(() => skein.status.state === "live" && skein.status.transport === transport);
}

/** Publishes numbered events to a run, one at a time, until it is stopped. */
function publishing(gateway: () => Gateway, run: string): { stop(): Promise<number> } {
  let isOver = false;
  const loop = (async () => {
    let n = 0;
    while (!isOver) {
      await gateway().publish(`runs/${run}`, { type: "task_start", n });
      n += 1;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return n;
  })();
  return {
    stop() {
      isOver = true;
      return loop;
    },
  };
}

describe.concurrent("A client behind a proxy", () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  test.each(["refuse", "hold"] as Treatment[])(
    "that does not let WebSockets through (%s) uses event streams, polls when these are held back, too, and comes back",
    async (treatment) => {
      await using proxy = await startBlockingProxy(gateway.url, "/tools/skein");
      proxy.treat({ ws: treatment });
      using skein = hurry(proxy.url);
      const run = watch(skein.stream(`runs/${treatment}`));
      const publisher = publishing(() => gateway, treatment);
      await on(skein, "sse");
      proxy.treat({ sse: "hold" });
      await on(skein, "poll");
      proxy.treat({ sse: "pass" });
      await on(skein, "sse");
      proxy.treat({ ws: "pass" });
      await on(skein, "ws");
      const count = await publisher.stop();
      await run.until((events) => events.at(-1)?.n === count - 1);
      const told = run.frames.flatMap(({ n }) => (n === undefined ? [] : [n]));
      expect(told).toEqual(Array.from({ length: count }, (_, n) => n));
    },
  );

  test("that lets nothing through waits, and is back with all that came meanwhile", async () => {
    await using proxy = await startBlockingProxy(gateway.url);
    using skein = hurry(proxy.url);
    const run = watch(skein.stream("runs/none"));
    await on(skein, "ws");
    proxy.treat({ ws: "refuse", sse: "refuse", poll: "refuse" });
    await gateway.publish("runs/none", { type: "task_start", n: 0 });
    await until(() => transports.every((one) => proxy.asked.some((asked) => asked.startsWith(one))));
    proxy.treat({ ws: "pass", sse: "pass", poll: "pass" });
    await run.until((events) => events.length === 1);
    await on(skein, "ws");
    expect(run.frames.filter(({ n }) => n === 0)).toHaveLength(1);
  });

  test("cannot poll rooms, says so, and enters them as soon as it can", async () => {
    await using proxy = await startBlockingProxy(gateway.url);
    proxy.treat({ ws: "refuse", sse: "refuse" });
    using skein = hurry(proxy.url);
    const rooms = skein.stream("tasks?instance_id=i1");
    const frames: unknown[] = [];
    rooms.onFrame(({ type }) => frames.push(type));
    const fleet = watch(skein.stream("instances"));
    await fleet.until(() => true);
    await until(() => rooms.status.refusal?.code === "bad_query");
    expect(rooms.status.phase).toBe("refused");
    expect(rooms.status.refusal?.message).toContain("cannot be polled");
    proxy.treat({ ws: "pass" });
    await on(skein, "ws");
    await until(() => frames.includes("connected"));
    expect(rooms.status.phase).toBe("live");
  });

  test("leaves a WebSocket that was opened and says nothing", async () => {
    const mute = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: () => false });
    await once(mute, "listening");
    const { port } = mute.address() as AddressInfo;
    const socket = (_url: string, protocols: string[]) => hurried.socket(`ws://127.0.0.1:${port}`, protocols);
    const skein = connectIn({ ...hurried, socket }, gateway.url, {});
    await watch(skein.stream("instances")).until(() => true);
    expect(skein.status).toMatchObject({ state: "live", transport: "sse" });
    skein.close();
    for (const client of mute.clients) client.terminate();
    mute.close();
  });

  test("follows more streams than are polled at a time", async () => {
    using skein = hurry(gateway.url, { transports: ["poll"] });
    const names = Array.from({ length: 7 }, (_, i) => `runs/many-${i}`);
    const runs = names.map((name) => watch(skein.stream(name)));
    await Promise.all(runs.map((run) => run.until(() => true)));
    await Promise.all(names.map((name) => gateway.publish(name, { type: "boot" })));
    await Promise.all(runs.map((run) => run.until(({ length }) => length === 1)));
    expect(runs.map(({ frames }) => frames.map(({ type }) => type))).toEqual(names.map(() => ["snapshot", "boot"]));
  });
});

describe.concurrent.each(buses)("A client whose gateway is killed, on %s,", (_name, open) => {
  let ground: TestBus;
  beforeAll(async () => {
    ground = await open();
  });
  afterAll(() => ground[Symbol.asyncDispose]());

  test("goes on with the next one as if nothing had been", async () => {
    const first = await startGateway({ bus: ground.bus });
    await using second = await startGateway({ bus: ground.bus });
    await using proxy = await startBlockingProxy(first.url);
    using skein = hurry(proxy.url);
    const run = watch(skein.stream("runs/r"));
    const fleet = watch(skein.stream("instances"));
    await fleet.until(() => true);
    const publisher = publishing(() => second, "r");
    await run.until(({ length }) => length > 3);
    proxy.turnTo(second.url);
    await first.close();
    await second.publish("instances/late", { status: "running" });
    await fleet.until((rows) => rows.has("late"));
    const count = await publisher.stop();
    await run.until((events) => events.at(-1)?.n === count - 1);
    expect(run.frames.flatMap(({ n }) => (n === undefined ? [] : [n]))).toEqual(
      Array.from({ length: count }, (_, n) => n),
    );
    expect(run.phases).toContain("away");
  });
});

describe.concurrent.each(transports)("Over %s, a client whose token ends", (transport) => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await startGateway({ auth: enforced });
  });
  afterAll(() => gateway.close());

  const soon = () => token({ exp: Math.floor(Date.now() / 1000) + 2 });

  test("brings a newer one, and no frame is missing", async () => {
    const given: string[] = [];
    const provider = async () => {
      const fresh = given.length === 0 ? await soon() : await token();
      given.push(fresh);
      return fresh;
    };
    using skein = hurry(gateway.url, { token: provider, transports: [transport] });
    const run = watch(skein.stream(`runs/renewed-${transport}`));
    await run.until(() => true);
    using bystander = follow("ws", gateway.url, "instances", given[0]);
    await bystander.ended;
    await until(() => given.length === 2);
    await gateway.publish(`runs/renewed-${transport}`, { type: "boot" }, await token());
    await run.until(({ length }) => length === 1);
    expect(run.phases).toEqual(transport === "poll" ? ["loading", "live", "away", "live"] : ["loading", "live"]);
  });

  test("is refused when it has no other, and says why", async () => {
    using skein = hurry(gateway.url, { token: await token({ exp: 1000 }), transports: [transport] });
    const fleet = skein.stream("instances");
    fleet.onFrame(() => {});
    await until(() => skein.status.state === "refused");
    expect(skein.status.refusal?.code).toBe("token_expired");
    expect(fleet.status).toMatchObject({ phase: "refused", refusal: { code: "token_expired" } });
  });

  test("is refused when the same one is given again", async () => {
    const old = await token({ exp: 1000 });
    using skein = hurry(gateway.url, { token: () => old, transports: [transport] });
    skein.stream("instances").onFrame(() => {});
    await until(() => skein.status.state === "refused");
  });
});
