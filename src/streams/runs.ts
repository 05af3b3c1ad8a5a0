import { z } from "zod";
import { defineFeed } from "../stream/define.ts";

const weekMs = 7 * 24 * 60 * 60 * 1000;

const event = z.looseObject({
  type: z.enum(["boot", "agent_start", "agent_end", "task_start", "task_end", "error", "done"]),
  timestamp: z.string(),
  run_id: z.string(),
});

/** One run, from its boot until it is done. */
export const runs = defineFeed({
  path: "runs/:run_id",
  description: "One run: everything so far, then live until it is done",
  subject: "runs.:run_id",
  access: { role: "viewer", needsToken: false, names: { crews: ["crew_id"] } },
  rejectedBody: "shown",
  query: z.strictObject({}),
  event,
  keepMs: weekMs,
  messages: {},
  past: { kind: "whole" },
  frame: (found) => found,
  shows: () => true,
  ends: ({ type }) => type === "done",
});
