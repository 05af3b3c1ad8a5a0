import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Bus } from "../../src/bus/bus.ts";
import { openNatsBus } from "../../src/bus/nats.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { isUp } from "../support/buses.ts";
import { type Client, follow, type Seen } from "../support/client.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { type NatsServer, startNatsServer } from "../support/nats-server.ts";
import { RemoteNode } from "../support/remote-node.ts";
import { type Answer, rest } from "../support/rest.ts";

const patience = { timeout: 10_000 };

/** What a client was told last of the status of an instance. */
function told({ frames }: Client, name: string): unknown {
  const rows = (frame: Seen) => (frame.type === "snapshot" ? (frame.instances as Seen[]) : [frame]);
  return frames.flatMap(rows).findLast((row) => row.name === name && row.status !== undefined)?.status;
}

/** Two gateways and two nodes, each with a connection of its own, on one nats-server. */
class Place {
  readonly gateways: [Gateway, Gateway];
  readonly nodes: [RemoteNode, RemoteNode];
  readonly nats: NatsServer;
  readonly #buses: readonly Bus[];

  private constructor(nats: NatsServer, buses: readonly Bus[], parts: Pick<Place, "gateways" | "nodes">) {
    this.nats = nats;
    this.#buses = buses;
    this.gateways = parts.gateways;
    this.nodes = parts.nodes;
  }

  static async open(): Promise<Place> {
    const nats = await startNatsServer();
    const buses: Bus[] = [];
    const connect = async () => {
      const bus = await openNatsBus({ url: nats.url, clock: systemClock });
      buses.push(bus);
      await isUp(bus);
      return bus;
    };
    const gateways: Place["gateways"] = [
      await startGateway({ bus: await connect() }),
      await startGateway({ bus: await connect() }),
    ];
    const nodes: Place["nodes"] = [
      await RemoteNode.start(await connect(), "A"),
      await RemoteNode.start(await connect(), "B"),
    ];
    return new Place(nats, buses, { gateways, nodes });
  }

  ask(gateway: 0 | 1, what: string, body?: unknown): Promise<Answer> {
    return rest(this.gateways[gateway].url, what, body);
  }

  async close(): Promise<void> {
    for (const node of this.nodes) node.die();
    for (const gateway of this.gateways) await gateway.close();
    for (const bus of this.#buses) await bus.close();
    await this.nats.stop();
  }
}

describe("two gateways and two nodes on one nats-server", () => {
  let place: Place;

  beforeAll(async () => {
    place = await Place.open();
  });

  afterAll(() => place.close());

  test("an instance of node B that is started through one gateway runs for both", async () => {
    using here = follow("ws", place.gateways[0].url, "instances");
    using there = follow("sse", place.gateways[1].url, "instances");
    expect(await place.ask(0, "POST instances", { name: "b1", template: "echo", node: "B" })).toMatchObject({
      status: 201,
      body: { node: "B" },
    });
    expect(await place.ask(0, "POST instances/b1/start")).toMatchObject({ status: 202 });
    await here.until(() => told(here, "b1") === "running");
    await there.until(() => told(there, "b1") === "running");
    expect(await place.ask(1, "GET instances/b1")).toMatchObject({ body: { status: "running", node: "B" } });
    await vi.waitFor(async () => {
      expect(await place.ask(1, "GET instances")).toMatchObject({ body: { instances: [{ status: "running" }] } });
    });
  });

  test("of two commands at once through two gateways one wins, and the other is refused with 409", async () => {
    await place.ask(0, "POST instances", { name: "raced", template: "echo", node: "A" });
    for (const command of ["start", "stop", "start", "stop"]) {
      const what = `POST instances/raced/${command}`;
      const answers = await Promise.all([place.ask(0, what), place.ask(1, what)]);
      expect(answers.map(({ status }) => status).sort()).toEqual([202, 409]);
    }
    expect(place.nodes[0].done.filter((what) => what.endsWith(" raced"))).toHaveLength(5);
  });

  test("a name that two gateways want at once, on two nodes, is given once", async () => {
    const answers = await Promise.all([
      place.ask(0, "POST instances", { name: "wanted", template: "echo", node: "A" }),
      place.ask(1, "POST instances", { name: "wanted", template: "echo", node: "B" }),
    ]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
  });

  test("what ran on a node that died is unknown within five seconds for everybody, until the node is back", async () => {
    const [, far] = place.nodes;
    await place.ask(0, "POST instances", { name: "b2", template: "echo", node: "B" });
    await place.ask(0, "POST instances/b2/start");
    using here = follow("ws", place.gateways[0].url, "instances");
    using there = follow("poll", place.gateways[1].url, "instances");
    await here.until(() => told(here, "b2") === "running");
    await there.until(() => told(there, "b2") === "running");
    for (const gateway of [0, 1] as const) {
      const { body } = await place.ask(gateway, "GET nodes");
      expect(body).toMatchObject({ nodes: [{ is_away: false }, { is_away: false }] });
    }
    const diedMs = performance.now();
    far.die();
    await here.until(() => told(here, "b2") === "unknown");
    await there.until(() => told(there, "b2") === "unknown");
    expect(performance.now() - diedMs).toBeLessThan(5000);
    const nodes = [
      { node: "A", is_away: false },
      { node: "B", is_away: true },
    ];
    // One gateway has written it; the other may notice a moment later.
    await vi.waitFor(async () => expect(await place.ask(0, "GET nodes")).toMatchObject({ body: { nodes } }), patience);
    const refused = { status: 503, body: { code: "node_away", message: "Node 'B' is away; nothing was done" } };
    expect(await place.ask(1, "POST instances/b2/stop")).toMatchObject(refused);
    far.comeBack();
    await far.turn("b2", "running");
    await here.until(() => told(here, "b2") === "running");
    await there.until(() => told(there, "b2") === "running");
    expect(far.done.filter((what) => what === "start b2")).toHaveLength(1);
    const statuses = here.frames.filter(({ name }) => name === "b2").map(({ status }) => status);
    expect(statuses).toEqual(["unknown", "running"]);
  });

  test("whoever asks for the list again and again sees it grow beside live connections", async () => {
    using live = follow("ws", place.gateways[0].url, "instances");
    await live.count(1);
    let etag = "";
    const seen: number[] = [];
    for (let i = 0; i < 20; i++) {
      const known = await rest(place.gateways[0].url, "GET instances", undefined, { "If-None-Match": etag });
      if (known.status === 200) etag = known.headers.get("etag") ?? "";
      seen.push(known.status);
      if (i % 4 === 3) await place.ask(0, "POST instances", { name: `grown-${i}`, template: "echo" });
    }
    expect(seen).toEqual(Array.from({ length: 20 }, (_, i) => (i % 4 === 0 ? 200 : 304)));
    await live.until((frames) => frames.filter(({ type }) => type === "instance_created").length === 5);
  });

  test("while NATS is away lists come from memory and commands are refused; afterwards all is as it was", async () => {
    await place.ask(0, "POST instances", { name: "kept", template: "echo", node: "A" });
    await place.ask(0, "POST instances/kept/start");
    const before = await place.ask(0, "GET instances");
    await place.nats.kill();
    await vi.waitFor(() => expect(place.gateways[0].bus.state).toBe("away"), { timeout: 10_000 });
    expect((await place.ask(0, "GET instances")).body).toEqual(before.body);
    expect(await place.ask(0, "GET instances/kept")).toMatchObject({ status: 200, body: { status: "running" } });
    expect(await place.ask(0, "GET nodes")).toMatchObject({ body: { nodes: [{ node: "A" }, { node: "B" }] } });
    const refused = { status: 503, body: { code: "bus_away" } };
    expect(await place.ask(0, "POST instances/kept/stop")).toMatchObject(refused);
    expect(await place.ask(0, "POST instances", { name: "x", template: "echo" })).toMatchObject(refused);
    expect(await place.ask(0, "DELETE instances/kept?force=true")).toMatchObject(refused);
    await place.nats.restart();
    const stop = () => place.ask(0, "POST instances/kept/stop");
    await vi.waitFor(async () => expect((await stop()).status).toBe(202), { timeout: 15_000 });
    const others = ({ body }: Answer) =>
      (body as { instances: { name: string }[] }).instances.filter(({ name }) => name !== "kept");
    expect(others(await place.ask(0, "GET instances"))).toEqual(others(before));
  });
});

test("a gateway that was there before NATS takes commands as soon as NATS is there", async () => {
  const nats = await startNatsServer();
  await nats.kill();
  const bus = await openNatsBus({ url: nats.url, clock: systemClock });
  await using gateway = await startGateway({ bus });
  const refused = { status: 503, body: { code: "bus_away" } };
  expect(await rest(gateway.url, "POST instances/a1/start")).toMatchObject(refused);
  expect(await rest(gateway.url, "GET templates")).toMatchObject({ status: 200, body: { templates: [] } });
  await nats.restart();
  await isUp(bus);
  using node = await RemoteNode.start(bus, "A");
  await vi.waitFor(
    async () => {
      const made = await rest(gateway.url, "POST instances", { name: "a1", template: "echo" });
      expect(made).toMatchObject({ status: 201 });
    },
    { timeout: 10_000 },
  );
  expect(node.done).toEqual(["create a1"]);
  expect(await rest(gateway.url, "GET instances")).toMatchObject({ body: { instances: [{ name: "a1" }] } });
  node.die();
  await gateway.close();
  await bus.close();
  await nats.stop();
});
