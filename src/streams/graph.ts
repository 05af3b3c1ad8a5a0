import { z } from "zod";
import { defineFeed } from "../stream/define.ts";
import { Calls } from "./calls.ts";
import { dayMs } from "./fields.ts";
import { type ToolEvent, toolEvent } from "./tool-event.ts";

/** How often everybody is told that the stream is alive. */
const pingMs = 20_000;

const query = z.strictObject({ crew: z.string().optional() });

/** The tools that agents use. */
export const graph = defineFeed({
  path: "graph",
  description: "The tools that agents use: those at work, then each start, progress and end",
  subject: "graph.:crew_id",
  access: { role: "viewer", needsToken: true, names: { crews: ["crew_id", "crew"] } },
  // The parameters of a tool may hold secrets, and a body that is no event was never looked through.
  rejectedBody: "hidden",
  query,
  event: toolEvent,
  keepMs: dayMs,
  messages: {},
  past: { kind: "folded", begin: () => new Calls() },
  frame: (found) => found,
  shows,
  ends: () => false,
  repeat: { everyMs: pingMs, frame: (now) => ({ type: "ping", timestamp: now }) },
});

function shows(event: ToolEvent, { crew }: z.infer<typeof query>): boolean {
  return event.type !== "tool_lease" && (crew === undefined || event.crew_id === crew);
}
