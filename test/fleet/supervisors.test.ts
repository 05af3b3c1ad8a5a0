import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Client, follow, type Seen } from "../support/client.ts";
import { type NatsServer, startNatsServer } from "../support/nats-server.ts";
import { type Started, startSkein } from "../support/process.ts";
import { rest } from "../support/rest.ts";
import { NodeProcess } from "./node-process.ts";

const patience = { timeout: 10_000 };

const templates = { talker: { command: "sh", args: ["-c", "echo begun; exec sleep 1000"] } };

/** Settles when the last that a client was told of an instance's status is this. */
async function told(client: Client, name: string, status: string): Promise<Seen[]> {
  const isOfIt = (frame: Seen) => frame.name === name && frame.status !== undefined;
  return client.until((frames) => frames.findLast(isOfIt)?.status === status);
}

describe("two gateways and two nodes, each a process, on one nats-server", () => {
  let nats: NatsServer;
  let one: Started;
  let other: Started;
  let nodeA: NodeProcess;
  let nodeB: NodeProcess;

  beforeAll(async () => {
    nats = await startNatsServer();
    [one, other] = await Promise.all([startSkein(["--nats", nats.url]), startSkein(["--nats", nats.url])]);
    [nodeA, nodeB] = await Promise.all([
      NodeProcess.start(nats, "A", templates),
      NodeProcess.start(nats, "B", templates),
    ]);
  });

  afterAll(async () => {
    await Promise.all([one.run.kill(), other.run.kill()]);
    await nodeA[Symbol.asyncDispose]();
    await nodeB[Symbol.asyncDispose]();
    await nats.stop();
  });

  const make = async (name: string, node: string) => {
    expect(await rest(one.url, "POST instances", { name, template: "talker", node })).toMatchObject({ status: 201 });
    expect(await rest(one.url, `POST instances/${name}/start`)).toMatchObject({ status: 202 });
  };

  test("an instance of node B that is started through one gateway runs, and both gateways say so", async () => {
    using here = follow("ws", one.url, "instances");
    using there = follow("ws", other.url, "instances");
    await make("b1", "B");
    await told(here, "b1", "running");
    await told(there, "b1", "running");
    const { body } = await rest(other.url, "GET instances/b1");
    expect(body).toMatchObject({ node: "B", status: "running", pid: expect.any(Number) });
    await vi.waitFor(() => expect(nodeB.log("b1")).toBe("begun\n"), patience);
  });

  test("a node that is killed with SIGKILL leaves unknown instances within five seconds, and takes them up again", async () => {
    using here = follow("ws", one.url, "instances");
    using there = follow("ws", other.url, "instances");
    await make("b2", "B");
    await make("a2", "A");
    await told(here, "b2", "running");
    await told(there, "b2", "running");
    await told(here, "a2", "running");
    const { body: before } = await rest(one.url, "GET instances/b2");
    await vi.waitFor(() => expect(nodeB.log("b2")).toBe("begun\n"), patience);
    // The gateways have listened for long enough by then.
    await rest(one.url, "GET nodes");
    const diedMs = performance.now();
    await nodeB.kill();
    await told(here, "b2", "unknown");
    await told(there, "b2", "unknown");
    expect(performance.now() - diedMs).toBeLessThan(5000);
    const nodes = [
      { node: "A", is_away: false },
      { node: "B", is_away: true },
    ];
    // One gateway has written it; the other may notice a moment later.
    await vi.waitFor(async () => expect(await rest(one.url, "GET nodes")).toMatchObject({ body: { nodes } }), patience);
    const refused = { status: 503, body: { code: "node_away", message: "Node 'B' is away; nothing was done" } };
    expect(await rest(other.url, "POST instances/b2/stop")).toMatchObject(refused);
    await nodeB.start();
    await told(here, "b2", "running");
    expect((await rest(one.url, "GET instances/b2")).body).toEqual(before);
    expect(nodeB.log("b2")).toBe("begun\n");
    const ofA2 = here.frames.filter(({ name, type }) => name === "a2" && type === "status_changed");
    expect(ofA2.map(({ status }) => status)).not.toContain("unknown");
    expect(await rest(other.url, "POST instances/b2/stop")).toMatchObject({ status: 202 });
    await told(there, "b2", "stopped");
  });

  test("of two commands at once through two gateways one wins, and the other is refused with 409", async () => {
    using here = follow("ws", one.url, "instances");
    await make("raced", "B");
    await told(here, "raced", "running");
    const stops = [one, other].map(({ url }) => rest(url, "POST instances/raced/stop"));
    expect((await Promise.all(stops)).map(({ status }) => status).sort()).toEqual([202, 409]);
    await told(here, "raced", "stopped");
    const starts = [one, other].map(({ url }) => rest(url, "POST instances/raced/start"));
    expect((await Promise.all(starts)).map(({ status }) => status).sort()).toEqual([202, 409]);
    await vi.waitFor(() => expect(nodeB.log("raced").match(/begun/g)).toHaveLength(2), patience);
  });

  test("an instance whose node was killed can be deleted by force, and is shown again when the node is back, which runs it", async () => {
    using here = follow("ws", one.url, "instances");
    await make("gone", "B");
    await told(here, "gone", "running");
    await nodeB.kill();
    expect(await rest(one.url, "DELETE instances/gone")).toMatchObject({ status: 503 });
    expect(await rest(one.url, "DELETE instances/gone?force=true")).toMatchObject({ status: 204 });
    await here.until((frames) => frames.some(({ type, name }) => type === "instance_deleted" && name === "gone"));
    expect(await rest(other.url, "GET instances/gone")).toMatchObject({ status: 404 });
    await nodeB.start();
    await told(here, "gone", "running");
    expect(await rest(other.url, "GET instances/gone")).toMatchObject({ status: 200, body: { node: "B" } });
    expect(nodeB.log("gone")).toBe("begun\n");
  });
});
