import { expect, test } from "vitest";
import { GraphSocket, GraphWebSocket, MissionSocket, RunSocket, RunWebSocket } from "../../src/client/crew.ts";
import { startGateway } from "../support/gateway.ts";
import { layWire } from "../support/proxy.ts";
import { enforced, openWithKey, token } from "../support/tokens.ts";

/** The types of everything that a socket tells, and its states, as they come. */
function recorded(socket: RunSocket | GraphSocket) {
  const types: string[] = [];
  const states: string[] = [];
  socket.subscribe(({ type }) => types.push(type));
  socket.onStatus(({ state }) => states.push(state));
  return { types, states };
}

test("A RunSocket tells the run so far and each event after, and is over when the run is done", async () => {
  await using gateway = await startGateway();
  await gateway.publish("runs/a%2Fb", { type: "boot" });
  const run = new RunSocket("a/b", { url: gateway.url });
  const { types, states } = recorded(run);
  run.connect();
  run.connect();
  await expect.poll(() => types).toEqual(["snapshot", "boot"]);
  await gateway.publish("runs/a%2Fb", { type: "done" });
  await expect.poll(() => states).toEqual(["idle", "connecting", "live", "over"]);
  expect(types).toEqual(["snapshot", "boot", "done"]);
});

test("A RunSocket that loses its connection goes on where it was, and says so when three attempts have failed", async () => {
  await using gateway = await startGateway();
  const wire = await layWire(gateway.url);
  const run = new RunSocket("r1", { url: wire.url });
  const numbers: unknown[] = [];
  run.subscribe((event) => {
    if (event.type === "task_end") numbers.push(event.n);
  });
  const { states } = recorded(run);
  run.connect();
  await expect.poll(() => states.at(-1)).toBe("live");
  await gateway.publish("runs/r1", { type: "task_end", n: 1 });
  await expect.poll(() => numbers).toEqual([1]);
  wire.cut();
  await gateway.publish("runs/r1", { type: "task_end", n: 2 });
  await expect.poll(() => numbers, { timeout: 10_000 }).toEqual([1, 2]);
  expect(states).toEqual(["idle", "connecting", "live", "waiting", "connecting", "live"]);
  states.length = 0;
  const lostMs = performance.now();
  await wire[Symbol.asyncDispose]();
  await expect.poll(() => states.at(-1), { timeout: 15_000 }).toBe("lost");
  expect(states.filter((state) => state === "connecting")).toHaveLength(3);
  expect(performance.now() - lostMs).toBeGreaterThan(5900);
});

test("A GraphSocket tells what the tools of its crew do, and is connected again by hand", async () => {
  await using gateway = await startGateway({ auth: openWithKey });
  await using wire = await layWire(gateway.url);
  const bearer = await token({ org: "default" });
  const graphWs = new GraphSocket("crew-7", bearer, { url: wire.url });
  const told: string[] = [];
  graphWs.subscribe((event) => {
    if (event.type === "tool_start") told.push(`${event.tool} started`);
    if (event.type === "tool_end") told.push(`${event.tool} ${event.status} (${event.duration_s}s)`);
  });
  const { states } = recorded(graphWs);
  graphWs.connect();
  await expect.poll(() => states.at(-1)).toBe("live");
  await gateway.publish("graph/other", { type: "tool_start", tool: "no" }, bearer);
  await gateway.publish("graph/crew-7", { type: "tool_start", tool: "pytest" }, bearer);
  await expect.poll(() => told).toEqual(["pytest started"]);
  wire.cut();
  await expect.poll(() => states.at(-1)).toBe("lost");
  await gateway.publish("graph/crew-7", { type: "tool_end", tool: "pytest", status: "success", duration_s: 2 }, bearer);
  graphWs.connect();
  await expect.poll(() => told).toEqual(["pytest started", "pytest success (2s)"]);
  graphWs.disconnect();
  expect(states.at(-1)).toBe("idle");
});

test("A MissionSocket tells every signal, and comes back by itself", async () => {
  await using gateway = await startGateway({ auth: openWithKey });
  await using wire = await layWire(gateway.url);
  const bearer = await token({ org: "default" });
  const missionWs = new MissionSocket(bearer, { url: wire.url });
  const statuses: string[] = [];
  const stop = missionWs.subscribe((event) => {
    if (event.type === "signal") statuses.push(event.payload.status);
  });
  missionWs.connect();
  await gateway.publish("mission/c1", { status: "busy" }, bearer);
  await expect.poll(() => statuses).toEqual(["busy"]);
  wire.cut();
  await gateway.publish("mission/c1", { status: "available" }, bearer);
  await expect.poll(() => statuses, { timeout: 10_000 }).toEqual(["busy", "available"]);
  stop();
  missionWs.disconnect();
  expect(missionWs.status).toBe("idle");
});

test("Whoever is refused is told why, and a fresh token helps where there is one", async () => {
  await using gateway = await startGateway({ auth: enforced });
  const refused = new RunWebSocket("r1", { url: gateway.url, token: "no token" });
  refused.connect();
  await expect.poll(() => refused.status).toMatchObject({ state: "refused", refusal: { code: "token_invalid" } });
  const foreign = new GraphWebSocket("c2", await token({ crews: ["c1"] }), { url: gateway.url });
  foreign.connect();
  await expect.poll(() => foreign.status).toMatchObject({ state: "refused", refusal: { code: "forbidden" } });
  const tokens = [await token({ exp: 1 }), await token()];
  const run = new RunSocket("r1", { url: gateway.url, token: async () => tokens.shift() });
  run.connect();
  await expect.poll(() => run.status.state, { timeout: 10_000 }).toBe("live");
  run.disconnect();
  expect(() => new RunSocket("r1")).toThrow("where the gateway is");
});
