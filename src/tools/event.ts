import { z } from "zod";
import { maybeJsonIn } from "../protocol/json.ts";
import { identifierLengthMax } from "../protocol/limits.ts";

const text = z.string().max(identifierLengthMax).nullish();

/** What the watch of leases wants to know of an event of a tool; whatever is not like this is somebody else's to reject. */
export const toolEvent = z.object({
  type: z.enum(["tool_start", "tool_progress", "tool_lease", "tool_end"]),
  call_id: text,
  run_id: text,
  agent_id: text,
  tool: text,
  lease_s: z.number().min(1).max(60).nullish(),
});

export type ToolEvent = z.infer<typeof toolEvent>;

/** The event in a body; undefined when it is none. */
export function parseEvent(data: Uint8Array): ToolEvent | undefined {
  return toolEvent.safeParse(maybeJsonIn(data)).data;
}

/** What tells calls of tools apart: the subject, and the call's own name or else who uses which tool. */
export function keyOf(subject: string, { call_id, run_id, agent_id, tool }: ToolEvent): string {
  return JSON.stringify(
    call_id == null ? [subject, run_id ?? null, agent_id ?? null, tool ?? null] : [subject, call_id],
  );
}
