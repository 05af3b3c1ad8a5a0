import { z } from "zod";
import { type CommandAnswer, type InstanceRecord, instanceIn, instanceStatuses } from "../protocol/instance.ts";
import { maybeJsonIn } from "../protocol/json.ts";
import { identifierLengthMax, textBytesMax } from "../protocol/limits.ts";

/** What every row of the table `instances` has, whoever wrote it. */
const row = z.looseObject({
  name: z.string(),
  status: z.string(),
  port: z.int().min(0).max(65_535).nullable().default(null),
  pid: z.int().min(1).nullable().default(null),
  archived_at: z.string().nullable().default(null),
});

/** An instance as it is shown: a record of a node of ours, or what another service has published. */
export type Row = z.infer<typeof row>;

/** Fields of the frames; a row that has one of them is no row, and the stream rejects it too. */
const frameFields = ["type", "timestamp", "cursor", "reason"];

/** A row as it is stored, its name taken from the subject; undefined when it is none, or none that can be shown. */
export function parseRow(name: string, data: Uint8Array): Row | undefined {
  const value = maybeJsonIn(data);
  if (typeof value !== "object" || value === null) return undefined;
  if (frameFields.some((field) => Object.hasOwn(value, field))) return undefined;
  const parsed = row.safeParse({ name, ...value });
  return parsed.success && parsed.data.name === name ? parsed.data : undefined;
}

const nodeName = z.string().min(1).max(identifierLengthMax);

/** Whose a row is. */
export interface Owner {
  /** Whether it is an instance of a node, and not one that a service publishes. */
  readonly isManaged: boolean;
  /** The node that runs it; undefined when the row names none. */
  readonly node: string | undefined;
}

/** Whose a row is, by the subject it stands on alone: in what a service publishes, `node` is a field like any other. */
export function ownerOf(subject: string, found: Row): Owner {
  const isManaged = instanceIn(subject)?.isManaged === true;
  return { isManaged, node: isManaged ? nodeName.safeParse(found.node).data : undefined };
}

const name = z.string().max(identifierLengthMax);
const count = z.int().min(0);

const record: z.ZodType<InstanceRecord> = z.object({
  name,
  status: z.enum(instanceStatuses),
  port: count.max(65_535).nullable(),
  pid: count.nullable(),
  archived_at: name.nullable(),
  node: name,
  template: name,
  params: z.record(name, z.string().max(textBytesMax)),
  created_at: name,
  exit_code: count.nullable(),
  restarts: count,
});

const answer: z.ZodType<CommandAnswer> = z.object({ instance: record.nullable(), duplicate: z.boolean() });

/** What a node has answered. Throws an Error when that is none, or beyond a limit: another version of us runs there. */
export function parseCommandAnswer(data: Uint8Array): CommandAnswer {
  return answer.parse(maybeJsonIn(data));
}
