import { z } from "zod";

/** Where a crew stands. */
export const crewStatus = z.enum(["offline", "available", "busy"]);

export type CrewStatus = z.input<typeof crewStatus>;

const text = z.string();
const name = z.string().min(1, "must not be empty");
const seconds = z.number().min(0);
const exitCode = z.int().nullable();

/** The record of an instance; further fields pass through, but for those that belong to the frames. */
export const instanceRecord = z.looseObject({
  status: name,
  port: z.int().min(0).max(65_535).nullable().optional(),
  pid: z.int().min(1).nullable().optional(),
  archived_at: text.nullable().optional(),
  ...notIn(["type", "timestamp", "cursor", "reason"]),
});

export type InstanceRecord = z.input<typeof instanceRecord>;

const runField = notIn(["cursor"]);

/** What is said of a run; further fields pass through. */
export const runEvents = {
  boot: z.looseObject({ name: text.optional(), ...runField }),
  agent_start: z.looseObject({ agent_id: name, ...runField }),
  agent_end: z.looseObject({ agent_id: name, status: text.optional(), duration_s: seconds.optional(), ...runField }),
  task_start: z.looseObject({ task_id: name, agent_id: text.optional(), name: text.optional(), ...runField }),
  task_end: z.looseObject({
    task_id: name,
    agent_id: text.optional(),
    status: text.optional(),
    duration_s: seconds.optional(),
    ...runField,
  }),
  error: z.looseObject({
    message: text,
    agent_id: text.optional(),
    task_id: text.optional(),
    // A client would take it for the error that ends its connection.
    code: z.undefined("belongs to the errors of the protocol; name yours error_code").optional(),
    ...runField,
  }),
  done: z.looseObject({
    status: text.optional(),
    duration_s: seconds.optional(),
    exit_code: exitCode.optional(),
    ...runField,
  }),
} as const;

const params = z.record(z.string(), z.unknown());

/** Which tool, and what it works with. */
export const toolStart = z.strictObject({ tool: name, params: params.optional() });

export type ToolParams = z.input<typeof params>;

/** How far a tool is, from 0 to 1, and in words. */
export const toolProgress = z.strictObject({
  progress: z.number().min(0).max(1).optional(),
  message: text.optional(),
});

/** How a tool ended. */
export const toolOutcome = z.strictObject({
  status: z.enum(["success", "error", "completed_with_errors"]).optional(),
  exit_code: exitCode.optional(),
  reason: text.optional(),
});

export type ToolOutcome = z.input<typeof toolOutcome>;

/** How far a task is. */
export const taskUpdate = z.strictObject({
  progress: z.number().min(0).max(100).optional(),
  message: text.optional(),
  status: z.enum(["SUBMITTED", "QUEUED", "IN_PROGRESS", "COMPLETED", "FAILED"]).optional(),
  /** When that was, ISO 8601; now when left out. */
  timestamp: text.optional(),
});

export type TaskUpdate = z.input<typeof taskUpdate>;

/** A step of a task. */
export const taskStep = z.strictObject({
  step_id: name,
  agent: text.optional(),
  action: text.optional(),
  status: text.optional(),
  output: z.unknown().optional(),
  started_at: text.optional(),
  completed_at: text.optional(),
});

export type TaskStep = z.input<typeof taskStep>;

const progress = z.number().min(0).max(100);
/** What a database calls something. */
const key = z.union([z.string().max(128), z.int()], "must be a text or a whole number");
/** A short name: what is longer, or holds white space, may be something that was cracked. */
const hashType = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9()+./:_-]{0,63}$/, "must be a short name of letters, digits and ()+./:_-");

/** The state of an attack, and how far it is. */
export const attackChange = z.strictObject({
  campaign_id: key.optional(),
  name: text.optional(),
  state: name,
  progress: progress.optional(),
});

export const attackProgress = attackChange.extend({ state: name.optional(), progress });

/** The same of a job, which is a part of an attack. */
export const jobChange = attackChange.extend({ attack_id: key.optional() });
export const jobProgress = attackProgress.extend({ attack_id: key.optional() });

export type AttackChange = z.input<typeof attackChange>;
export type AttackProgress = z.input<typeof attackProgress>;
export type JobChange = z.input<typeof jobChange>;
export type JobProgress = z.input<typeof jobProgress>;

const agent = { name: text.optional(), state: text.optional(), message: text.optional() };

/** What is said of an agent: that it is there, what state it is in, what went wrong. */
export const agentHeartbeat = z.strictObject(agent);
export const agentChange = z.strictObject({ ...agent, state: name });
export const agentError = z.strictObject({ ...agent, message: text });

export type AgentHeartbeat = z.input<typeof agentHeartbeat>;
export type AgentChange = z.input<typeof agentChange>;
export type AgentError = z.input<typeof agentError>;

/** That hashes were cracked; what they were never leaves the process. */
export const crackSubmission = z.strictObject({
  campaign_id: key.optional(),
  hash_type: z
    .union([hashType, z.int()], "must be a short name of letters, digits and ()+./:_-, or a whole number")
    .optional(),
  count: z.int().min(1).optional(),
});

export type CrackSubmission = z.input<typeof crackSubmission>;

/** The status of a member of a swarm. */
export const swarmStatus = z.strictObject({ status: name });

/** A message to another agent. */
export const letterDraft = z.strictObject({
  from: name,
  to: name,
  message_type: name,
  correlation_id: name.optional(),
  payload: z.unknown().refine((value) => value !== undefined, "must be there; any JSON will do"),
});

/** Any JSON object, or what JSON makes one of. */
export const anyBody = z.looseObject({});

function notIn<const Fields extends readonly string[]>(fields: Fields) {
  const never = z.undefined("belongs to the frames of the stream").optional();
  return Object.fromEntries(fields.map((field) => [field, never])) as Record<Fields[number], typeof never>;
}
