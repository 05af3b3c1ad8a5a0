import { z } from "zod";
import { identifier } from "../stream/texts.ts";
import { maybe, maybeIdentifier, name, oneOf, seconds, text } from "./fields.ts";
import { maskedBeside } from "./secrets.ts";

const outcomes = ["success", "error", "completed_with_errors"] as const;
const types = ["tool_start", "tool_progress", "tool_end", "tool_lease", "ping"] as const;

/** What every event of a call says; the call's own name tells calls of one tool apart. */
const call = {
  timestamp: identifier,
  crew_id: identifier,
  run_id: maybeIdentifier,
  agent_id: maybeIdentifier,
  call_id: maybe(name),
  tool: name,
};

const params = z.record(z.string(), z.unknown(), "must be an object");
const lease = z
  .number("must be a number of seconds from 1 to 60")
  .min(1, "must be 1 s or more")
  .max(60, "must be 60 s or less");

const start = z
  .looseObject({
    ...call,
    type: z.literal("tool_start"),
    params: maybe(params),
    lease_s: maybe(lease),
  })
  .refine(({ lease_s, call_id }) => lease_s == null || call_id != null, {
    path: ["call_id"],
    message: "must be there where there is a lease_s",
  });

const progress = z.looseObject({
  ...call,
  type: z.literal("tool_progress"),
  message: text,
  progress: maybe(z.number("must be a number from 0 to 1").min(0, "must be 0 or more").max(1, "must be 1 or less")),
});

const end = z.looseObject({
  ...call,
  type: z.literal("tool_end"),
  duration_s: seconds,
  exit_code: maybe(z.int("must be a whole number")),
  status: z.enum(outcomes, oneOf(outcomes)),
});

const { timestamp, crew_id } = call;
const renewal = z.looseObject({ timestamp, crew_id, type: z.literal("tool_lease"), call_id: name });
const ping = z.looseObject({ timestamp, crew_id, type: z.literal("ping") });

/** What is no text of its author's. */
const fixed: ReadonlySet<string> = new Set(["type", ...Object.keys(call)]);

/** What is said of a call, without the secrets in it; `tool_lease` says nothing but that its tool is still there. */
export const toolEvent = z
  .discriminatedUnion("type", [start, progress, end, renewal, ping], oneOf(types))
  .transform((found) => maskedBeside(found, fixed));

/** What tools do. */
export type ToolEvent = z.infer<typeof toolEvent>;
