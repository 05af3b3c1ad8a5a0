import { openEmbeddedBus } from "../../src/bus/embedded.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { follow, type Seen } from "../support/client.ts";
import { startGateway } from "../support/gateway.ts";
import { LogDirectory } from "../support/logs.ts";
import { openWithKey, token } from "../support/tokens.ts";

/** Frames of each stream, by its name. */
export type Captured = Readonly<Record<string, readonly object[]>>;

/** What is published, in order, so that every type of frame comes at least once. */
const published: readonly (readonly [tail: string, body: unknown])[] = [
  ["instances/a", { status: "running", port: 1, pid: 2 }],
  ["instances/a", { status: "stopped", port: 1, pid: null, region: "x" }],
  ["instances/a", { status: "stopped", archived_at: "2026-01-01T00:00:00Z" }],
  ["instances/a", { status: "stopped" }],
  ["instances/a", null],
  ["messages/m1", { event: "sent", from: "a", to: "b", message_type: "t", correlation_id: "c" }],
  ["messages/m1", { event: "failed", from: "a", to: "b", message_type: "t", detail: "no" }],
  ...["boot", "agent_start", "task_start", "error"].map((type) => ["runs/r1", { type, message: "m" }] as const),
  ["runs/r1", { type: "task_end", task_id: "t", status: "ok", duration_s: 1.5 }],
  ["runs/r1", { type: "done", status: null, exit_code: 0 }],
  ["mission/c1", { status: "busy", note: 1 }],
  ["graph/c1", { type: "tool_start", tool: "t", call_id: "k", params: { a: 1 }, lease_s: 60 }],
  ["graph/c1", { type: "tool_progress", tool: "t", call_id: "k", message: "m", progress: 0.5 }],
  ["graph/c1", { type: "tool_end", tool: "t", call_id: "k", status: "success", duration_s: 1, exit_code: 0 }],
  ["attacks/a1", { type: "attack.progress", progress: 5 }],
  ["cracks/k1", { type: "crack.submitted", count: 2 }],
  ["tasks/i1", { type: "task_update", task_id: "t", data: { progress: 5, status: "IN_PROGRESS", message: null } }],
  ["tasks/i1", { type: "execution_step", task_id: "t", data: { step_id: "s", agent: "a", output: { n: 1 } } }],
  ["swarm/agents/a1", { status: "idle" }],
  ["swarm/tasks/t1", { status: "pending", extra: true }],
  ["swarm/agents/a1", null],
];

const names = [
  "instances",
  "messages",
  "runs/r1",
  "mission",
  "graph",
  "live/campaigns",
  "live/toasts",
  "tasks/i1",
  "swarm",
];

/** What a real gateway sends of each of its streams: first frames, live ones, and those of a resume. */
export async function capture(): Promise<Captured> {
  using files = new LogDirectory();
  await using bus = await openBus();
  files.append("agent-1", "one");
  const agent = await files.startAgent(bus.bus);
  await using gateway = await startGateway({ bus: bus.bus, auth: openWithKey });
  const bearer = await token({ org: "default" });
  const log = "instances/agent-1/logs";
  const clients = [...names, log].map((name) => [name, follow("ws", gateway.url, name, bearer)] as const);
  await Promise.all(clients.map(([, client]) => client.count(1)));
  for (const [tail, body] of published) await gateway.publish(tail, body, bearer);
  files.append("agent-1", "two");
  files.truncate("agent-1");
  await Promise.all(
    clients.map(([name, client]) => client.until((frames) => lastOf[name]?.(frames) ?? frames.length > 1)),
  );
  const found = clients.map(([name, client]) => [name, client.frames] as const);
  using resumed = follow("ws", gateway.url, `messages?since=${clients[1]?.[1].frames[0]?.cursor}`, bearer);
  await resumed.count(1);
  for (const [, client] of clients) client.close();
  await agent.close();
  return { ...Object.fromEntries(found), "messages?instance=a": resumed.frames };
}

const has = (type: string) => (frames: readonly Seen[]) => frames.some((frame) => frame.type === type);

/** How to know that all of a stream has come; by default, when anything has come after its first frame. */
const lastOf: Readonly<Record<string, (frames: readonly Seen[]) => boolean>> = {
  instances: has("instance_deleted"),
  "runs/r1": has("done"),
  graph: has("tool_end"),
  "tasks/i1": has("execution_step"),
  "instances/agent-1/logs": has("rotated"),
};

async function openBus() {
  const bus = await openEmbeddedBus({ file: ":memory:", clock: systemClock });
  return { bus, [Symbol.asyncDispose]: () => bus.close() };
}
