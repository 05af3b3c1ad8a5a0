import { z } from "zod";
import { identifier } from "../stream/texts.ts";
import { maybe, maybeIdentifier, name, oneOf, text } from "./fields.ts";
import { maskedBeside } from "./secrets.ts";

const states = ["SUBMITTED", "QUEUED", "IN_PROGRESS", "COMPLETED", "FAILED"] as const;
const types = ["task_update", "execution_step"] as const;

const place = { timestamp: identifier, instance_id: identifier, task_id: name };

const percent = z.number("must be a number from 0 to 100").min(0, "must be 0 or more").max(100, "must be 100 or less");

const update = z.looseObject({
  ...place,
  type: z.literal("task_update"),
  data: z.looseObject(
    {
      progress: maybe(percent),
      message: text,
      status: maybe(z.enum(states, oneOf(states))),
      timestamp: maybeIdentifier,
    },
    "must be an object",
  ),
});

const step = z.looseObject({
  ...place,
  type: z.literal("execution_step"),
  data: z.looseObject(
    {
      step_id: name,
      agent: maybeIdentifier,
      action: text,
      status: maybeIdentifier,
      started_at: maybeIdentifier,
      completed_at: maybeIdentifier,
    },
    "must be an object",
  ),
});

/** What is no text of its author's. */
const fixed: ReadonlySet<string> = new Set(["type", ...Object.keys(place)]);

/** What is said of the tasks of an instance, without the secrets in it. */
export const taskEvent = z
  .discriminatedUnion("type", [update, step], oneOf(types))
  .transform((found) => maskedBeside(withTime(found), fixed));

/** An event says when it was in `data`, or not at all: the time when it was stored is that of an update. */
function withTime({ timestamp, ...found }: z.infer<typeof update> | z.infer<typeof step>) {
  if (found.type !== "task_update") return found;
  return { ...found, data: { ...found.data, timestamp: found.data.timestamp ?? timestamp } };
}

/** What becomes of a task. */
export type TaskEvent = z.infer<typeof taskEvent>;
