import { z } from "zod";
import { defineFeed } from "../stream/define.ts";
import { dayMs, maybe, oneOf, seconds, text } from "./fields.ts";

const types = ["boot", "agent_start", "agent_end", "task_start", "task_end", "error", "done"] as const;

function eventOf<Type extends (typeof types)[number], Shape extends z.core.$ZodLooseShape>(type: Type, shape: Shape) {
  return z.looseObject({
    type: z.literal(type),
    timestamp: z.string(),
    run_id: z.string(),
    crew_id: text,
    ...shape,
  });
}

const event = z.discriminatedUnion(
  "type",
  [
    eventOf("boot", { name: text }),
    eventOf("agent_start", { agent_id: text }),
    eventOf("agent_end", { agent_id: text, status: text, duration_s: seconds }),
    eventOf("task_start", { task_id: text, agent_id: text, name: text }),
    eventOf("task_end", { task_id: text, agent_id: text, status: text, duration_s: seconds }),
    eventOf("error", {
      message: text,
      agent_id: text,
      task_id: text,
      // A client would take it for the end of its connection.
      code: z.never("belongs to the errors of the protocol; name yours error_code").optional(),
    }),
    eventOf("done", { status: text, duration_s: seconds, exit_code: maybe(z.int("must be a whole number")) }),
  ],
  oneOf(types),
);

/** What happens in a run. */
export type RunEvent = z.infer<typeof event>;

/** One run, from its boot until it is done. */
export const runs = defineFeed({
  path: "runs/:run_id",
  description: "One run: everything so far, then live until it is done",
  subject: "runs.:run_id",
  access: { role: "viewer", needsToken: false, names: { crews: ["crew_id"] } },
  rejectedBody: "shown",
  query: z.strictObject({}),
  event,
  keepMs: 7 * dayMs,
  messages: {},
  past: { kind: "whole" },
  frame: (found) => found,
  shows: () => true,
  ends: ({ type }) => type === "done",
});
