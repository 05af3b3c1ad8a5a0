import type { ActiveTool, GraphFrame, ToolEnd, ToolProgress, ToolStart } from "../../client/frames.ts";

/** How long an agent is shown as done, or in error, after its last tool; then it is idle. */
export const restMs = 60_000;

/** How many agents are remembered; of more, those that were heard longest ago are forgotten. */
const mostAgents = 200;

/** How an agent is doing: `typing` while it uses a tool, then how the last one ended, and `idle` a while later. */
export type AgentState = "idle" | "typing" | "done" | "error";

/** A use of a tool that has not ended. */
export interface Call {
  readonly key: string;
  readonly start: ToolStart;
  readonly progress: ToolProgress | undefined;
}

/** An agent that was heard of. A crew's own tools are of an agent without a name. */
export interface Agent {
  readonly key: string;
  readonly crew: string;
  readonly name: string | undefined;
  readonly last: Ending | undefined;
}

/** How a use of a tool ended. */
export interface Ending {
  readonly tool: string;
  readonly crew: string;
  readonly agent: string | undefined;
  readonly status: ToolEnd["status"];
  readonly reason: string | undefined;
  /** Undefined when nobody knows when it began. */
  readonly durationMs: number | undefined;
  /** When this page heard of it, in milliseconds since 1970. */
  readonly atMs: number;
}

/** What agents do with their tools, as far as it was heard. */
export interface Activity {
  readonly calls: ReadonlyMap<string, Call>;
  /** The one heard last is at the end. */
  readonly agents: ReadonlyMap<string, Agent>;
}

/** Nothing heard yet. */
export const silence: Activity = { calls: new Map(), agents: new Map() };

/** What is known from the tools at work alone. */
export function fromActive(tools: Iterable<ActiveTool>): Activity {
  let activity = silence;
  for (const { start, progress } of tools) {
    activity = begin(activity, start);
    if (progress) activity = move(activity, progress);
  }
  return activity;
}

/** What a frame makes of what was known. */
export function hear(activity: Activity, frame: GraphFrame, nowMs: number): Activity {
  if (frame.type === "snapshot") return afresh(activity, frame.active);
  if (frame.type === "tool_start") return begin(activity, frame);
  if (frame.type === "tool_progress") return move(activity, frame);
  if (frame.type === "tool_end") return finish(activity, frame, nowMs).activity;
  return activity;
}

/** How the use of a tool ended that a frame tells of. */
export function endingOf(activity: Activity, end: ToolEnd, nowMs: number): Ending {
  return finish(activity, end, nowMs).ending;
}

/** How an agent is doing at a moment. */
export function stateOf({ key, last }: Agent, calls: ReadonlyMap<string, Call>, nowMs: number): AgentState {
  for (const call of calls.values()) if (agentKey(call.start) === key) return "typing";
  if (last === undefined || nowMs - last.atMs >= restMs) return "idle";
  return last.status === "success" ? "done" : "error";
}

/** The agent that a tool is used by. */
export function agentKey({ crew_id, agent_id }: ToolStart | ToolEnd): string {
  return JSON.stringify([crew_id, agent_id ?? null]);
}

function callKey({ call_id, crew_id, run_id, agent_id, tool }: ToolStart | ToolEnd | ToolProgress): string {
  const words = call_id == null ? [crew_id, run_id ?? null, agent_id ?? null, tool] : [crew_id, call_id];
  return JSON.stringify(words);
}

/** Agents stay known through a new snapshot; only what is at work is told anew. */
function afresh({ agents }: Activity, active: readonly ToolStart[]): Activity {
  return active.reduce(begin, { calls: new Map(), agents });
}

function begin({ calls, agents }: Activity, start: ToolStart): Activity {
  const key = callKey(start);
  const others = new Map(calls);
  others.delete(key);
  return { calls: others.set(key, { key, start, progress: undefined }), agents: heard(agents, start, undefined) };
}

function move(activity: Activity, progress: ToolProgress): Activity {
  const call = meant(activity.calls, progress);
  if (call === undefined) return activity;
  return { ...activity, calls: new Map(activity.calls).set(call.key, { ...call, progress }) };
}

function finish(
  { calls, agents }: Activity,
  end: ToolEnd,
  nowMs: number,
): { readonly activity: Activity; readonly ending: Ending } {
  const call = meant(calls, end);
  const user = call?.start ?? end;
  const ending: Ending = {
    tool: end.tool,
    crew: end.crew_id,
    agent: user.agent_id ?? undefined,
    status: end.status,
    reason: end.reason ?? undefined,
    durationMs: durationOf(end, call?.start),
    atMs: nowMs,
  };
  const left = new Map(calls);
  if (call) left.delete(call.key);
  return { activity: { calls: left, agents: heard(agents, user, ending) }, ending };
}

function durationOf(end: ToolEnd, start: ToolStart | undefined): number | undefined {
  if (end.duration_s != null) return end.duration_s * 1000;
  const ms = start ? Date.parse(end.timestamp) - Date.parse(start.timestamp) : Number.NaN;
  return Number.isNaN(ms) || ms < 0 ? undefined : ms;
}

/** The call that a later event means: the one of its name, or else the oldest that it may be meant for. */
function meant(calls: ReadonlyMap<string, Call>, event: ToolEnd | ToolProgress): Call | undefined {
  if (event.call_id != null) return calls.get(callKey(event));
  for (const call of calls.values()) if (mayMean(event, call.start)) return call;
  return undefined;
}

function mayMean(event: ToolEnd | ToolProgress, start: ToolStart): boolean {
  const agrees = (field: "run_id" | "agent_id") =>
    event[field] == null || start[field] == null || event[field] === start[field];
  return event.crew_id === start.crew_id && event.tool === start.tool && agrees("run_id") && agrees("agent_id");
}

function heard(
  agents: ReadonlyMap<string, Agent>,
  user: ToolStart | ToolEnd,
  last: Ending | undefined,
): ReadonlyMap<string, Agent> {
  const key = agentKey(user);
  const known = agents.get(key);
  const others = new Map(agents);
  others.delete(key);
  const name = user.agent_id ?? undefined;
  others.set(key, { key, crew: user.crew_id, name, last: last ?? known?.last });
  const [oldest] = others.keys();
  if (others.size > mostAgents && oldest !== undefined) others.delete(oldest);
  return others;
}
