import { z } from "zod";
import { defineFeed } from "../stream/define.ts";
import { identifier } from "../stream/texts.ts";
import { dayMs, maybe, maybeIdentifier, oneOf, seconds, text } from "./fields.ts";

const types = ["boot", "agent_start", "agent_end", "task_start", "task_end", "error", "done"] as const;

function eventOf<Type extends (typeof types)[number], Shape extends z.core.$ZodLooseShape>(type: Type, shape: Shape) {
  return z.looseObject({
    type: z.literal(type),
    timestamp: identifier,
    run_id: identifier,
    crew_id: maybeIdentifier,
    ...shape,
  });
}

const event = z.discriminatedUnion(
  "type",
  [
    eventOf("boot", { name: text }),
    eventOf("agent_start", { agent_id: maybeIdentifier }),
    eventOf("agent_end", { agent_id: maybeIdentifier, status: maybeIdentifier, duration_s: seconds }),
    eventOf("task_start", { task_id: maybeIdentifier, agent_id: maybeIdentifier, name: text }),
    eventOf("task_end", {
      task_id: maybeIdentifier,
      agent_id: maybeIdentifier,
      status: maybeIdentifier,
      duration_s: seconds,
    }),
    eventOf("error", {
      message: text,
      agent_id: maybeIdentifier,
      task_id: maybeIdentifier,
      // A client would take it for the end of its connection.
      code: z.never("belongs to the errors of the protocol; name yours error_code").optional(),
    }),
    eventOf("done", {
      status: maybeIdentifier,
      duration_s: seconds,
      exit_code: maybe(z.int("must be a whole number")),
    }),
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
