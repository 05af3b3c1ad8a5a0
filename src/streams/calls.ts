import type { FrameBody } from "../protocol/frame.ts";
import type { Fold } from "../stream/define.ts";
import { Newest } from "./newest.ts";
import type { ToolEvent } from "./tool-event.ts";

type Start = Extract<ToolEvent, { type: "tool_start" }>;
type End = Extract<ToolEvent, { type: "tool_end" }>;

/** Among how many calls of a tool, the oldest first, one is looked for that an end without a name may be meant for. */
const candidatesMax = 256;

/** The calls of tools that have begun and not ended; of too many, the oldest are forgotten. */
export class Calls implements Fold<ToolEvent> {
  readonly #active = new Newest<Start>((key, start) => this.#leave(key, start));
  /** The keys of calls by crew and tool, and by those and the agent, each with its number in the order of starts. */
  readonly #groups = new Map<string, Map<string, number>>();
  #starts = 0;

  add(event: ToolEvent): void {
    if (event.type === "tool_start") this.#begin(event);
    else if (event.type === "tool_end") this.#end(event);
  }

  snapshot(shows: (event: ToolEvent) => boolean): readonly FrameBody[] {
    return [{ type: "snapshot", active: [...this.#active.values()].filter(shows) }];
  }

  #begin(start: Start): void {
    const key = keyOf(start);
    this.#active.set(key, start);
    this.#starts += 1;
    for (const name of groupsOf(start)) {
      const group = this.#groups.get(name) ?? new Map<string, number>();
      this.#groups.set(name, group.set(key, this.#starts));
    }
  }

  #leave(key: string, start: Start): void {
    for (const name of groupsOf(start)) {
      const group = this.#groups.get(name);
      group?.delete(key);
      if (group?.size === 0) this.#groups.delete(name);
    }
  }

  /** An end without a name for its call ends the oldest call of its tool that it may be meant for. */
  #end(end: End): void {
    if (end.call_id != null) {
      this.#active.delete(keyOf(end));
      return;
    }
    const [oldest] = groupsFor(end)
      .flatMap((name) => this.#oldest(end, this.#groups.get(name)) ?? [])
      .sort((one, other) => one.number - other.number);
    if (oldest) this.#active.delete(oldest.key);
  }

  /** The oldest call of a group that an end may be meant for. */
  #oldest(end: End, group: ReadonlyMap<string, number> = new Map()): { key: string; number: number } | undefined {
    let looked = 0;
    for (const [key, number] of group) {
      const start = this.#active.get(key);
      if (start && mayMean(end, start)) return { key, number };
      looked += 1;
      if (looked === candidatesMax) return undefined;
    }
    return undefined;
  }
}

function groupsOf({ crew_id, tool, agent_id }: Start): string[] {
  return [JSON.stringify([crew_id, tool]), JSON.stringify([crew_id, tool, agent_id ?? null])];
}

/** Where the calls are that an end may be meant for: a call that names no agent may be any agent's. */
function groupsFor({ crew_id, tool, agent_id }: End): string[] {
  if (agent_id == null) return [JSON.stringify([crew_id, tool])];
  return [agent_id, null].map((agent) => JSON.stringify([crew_id, tool, agent]));
}

function keyOf({ call_id, crew_id, run_id, agent_id, tool }: Start | End): string {
  return JSON.stringify(call_id == null ? [crew_id, run_id, agent_id, tool] : [crew_id, call_id]);
}

function mayMean(end: End, start: Start): boolean {
  const agrees = (field: "run_id" | "agent_id") =>
    end[field] == null || start[field] == null || end[field] === start[field];
  return end.crew_id === start.crew_id && end.tool === start.tool && agrees("run_id") && agrees("agent_id");
}
