import { expect, test } from "vitest";
import { openEmbeddedBus } from "../../src/bus/embedded.ts";
import { Nodes } from "../../src/fleet/nodes.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { heartbeatSubject } from "../../src/protocol/instance.ts";
import { ManualClock } from "../support/clock.ts";
import { startGateway } from "../support/gateway.ts";

const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

function listening() {
  const clock = new ManualClock();
  const faults: unknown[] = [];
  const nodes = new Nodes({ clock, report: (fault) => faults.push(fault) });
  nodes.listen();
  clock.pass(4000);
  const say = (node: string, templates: readonly unknown[] = [], org = "acme") =>
    nodes.hear({ subject: heartbeatSubject(org, node), data: bytes({ node, templates }) });
  return { clock, faults, nodes, say };
}

const template = (chars: number, name = "t") => ({ name, description: "", params: { p: "x".repeat(chars) } });

test("An org has 1,024 nodes at the most, and one that is away makes room for another", () => {
  const { clock, faults, nodes, say } = listening();
  for (let i = 0; i < 1030; i++) say(`n${i}`);
  expect(nodes.of("acme")).toHaveLength(1024);
  expect(faults).toHaveLength(6);
  expect(String(faults[0])).toContain("skein.acme.heartbeats.n1024 comes on top of 1024 nodes");
  say("n5", [], "globex");
  expect(nodes.of("globex")).toHaveLength(1);
  nodes.judge();
  for (let second = 0; second < 4; second++) {
    clock.pass(1000);
    for (let i = 1; i < 1024; i++) say(`n${i}`);
    nodes.judge();
  }
  expect(nodes.isAway("acme", "n0")).toBe(true);
  say("late");
  expect(nodes.of("acme").map(({ node }) => node)).toContain("late");
  expect(nodes.of("acme").map(({ node }) => node)).not.toContain("n0");
  say("later");
  expect(nodes.of("acme").map(({ node }) => node)).not.toContain("later");
});

test("What the nodes of an org say of their templates takes 8 MiB at the most, and one node 64 KiB", () => {
  const { faults, nodes, say } = listening();
  const large = Array.from({ length: 14 }, (_, i) => template(4000, `t${i}`));
  for (let i = 0; i < 200; i++) say(`n${i}`, large);
  const size = nodes.of("acme").reduce((sum, { templates }) => sum + JSON.stringify(templates).length, 0);
  expect(size).toBeGreaterThan(7 * 1024 * 1024);
  expect(size).toBeLessThan(8 * 1024 * 1024);
  expect(nodes.of("acme").length + faults.length).toBe(200);
  say("small", [...large, ...large]);
  expect(nodes.of("acme").map(({ node }) => node)).not.toContain("small");
});

test.each([
  [
    "a template with 65 parameters",
    [{ ...template(1), params: Object.fromEntries([...Array(65).keys()].map((i) => [i, ""])) }],
  ],
  ["a default of 5,000 characters", [template(5000)]],
  ["a name of 300 characters", [template(1, "x".repeat(300))]],
  ["a description of 5,000 characters", [{ ...template(1), description: "x".repeat(5000) }]],
])("A heartbeat with %s does not count", (_what, templates) => {
  const { faults, nodes, say } = listening();
  say("n1", templates);
  expect(nodes.of("acme")).toEqual([]);
  expect(faults).toHaveLength(1);
});

test("Of what is no heartbeat the first 1,024 subjects are reported, each once", () => {
  const { faults, nodes } = listening();
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 1500; i++) nodes.hear({ subject: heartbeatSubject("acme", `n${i}`), data: bytes({}) });
  }
  expect(faults).toHaveLength(1024);
});

test("What is said in the name of a node and is no heartbeat is told once, and is no defect of the gateway", async () => {
  const bus = await openEmbeddedBus({ file: ":memory:", clock: systemClock });
  const told: unknown[] = [];
  await using gateway = await startGateway({ bus, report: (fault) => told.push(fault) });
  for (let i = 0; i < 3; i += 1) bus.publish("skein.default.heartbeats.n1", new TextEncoder().encode("nonsense"));
  await bus.flush();
  expect(told).toEqual([expect.objectContaining({ message: expect.stringContaining("is no heartbeat") })]);
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  expect(metrics).toContain("\nskein_unexpected_exceptions_total 0\n");
  await gateway.close();
  await bus.close();
});
