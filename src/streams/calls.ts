import type { FrameBody } from "../protocol/frame.ts";
import type { Fold } from "../stream/define.ts";
import { Newest } from "./newest.ts";
import type { ToolEvent } from "./tool-event.ts";

type Start = Extract<ToolEvent, { type: "tool_start" }>;
type End = Extract<ToolEvent, { type: "tool_end" }>;

/** The calls of tools that have begun and not ended; of too many, the oldest are forgotten. */
export class Calls implements Fold<ToolEvent> {
  readonly #active = new Newest<Start>();

  add(event: ToolEvent): void {
    if (event.type === "tool_start") this.#begin(event);
    else if (event.type === "tool_end") this.#end(event);
  }

  snapshot(shows: (event: ToolEvent) => boolean): readonly FrameBody[] {
    return [{ type: "snapshot", active: [...this.#active.values()].filter(shows) }];
  }

  #begin(start: Start): void {
    this.#active.set(keyOf(start), start);
  }

  /** An end without a name for its call ends the oldest call of its tool that it may be meant for. */
  #end(end: End): void {
    if (end.call_id != null) {
      this.#active.delete(keyOf(end));
      return;
    }
    for (const [key, start] of this.#active.entries()) {
      if (!mayMean(end, start)) continue;
      this.#active.delete(key);
      return;
    }
  }
}

function keyOf({ call_id, crew_id, run_id, agent_id, tool }: Start | End): string {
  return JSON.stringify(call_id == null ? [crew_id, run_id, agent_id, tool] : [crew_id, call_id]);
}

function mayMean(end: End, start: Start): boolean {
  const agrees = (field: "run_id" | "agent_id") =>
    end[field] == null || start[field] == null || end[field] === start[field];
  return end.crew_id === start.crew_id && end.tool === start.tool && agrees("run_id") && agrees("agent_id");
}
