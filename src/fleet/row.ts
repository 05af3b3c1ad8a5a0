import { z } from "zod";
import type { CommandAnswer, InstanceRecord } from "../protocol/instance.ts";
import { instanceStatuses } from "../protocol/instance.ts";
import { encodeToken, subjectOf } from "../protocol/subject.ts";

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

/** A row as it is stored, its name taken from the subject; undefined when it is none. */
export function parseRow(name: string, data: Uint8Array): Row | undefined {
  const value = jsonIn(data);
  if (typeof value !== "object" || value === null) return undefined;
  if (frameFields.some((field) => Object.hasOwn(value, field))) return undefined;
  const parsed = row.safeParse({ name, ...value });
  return parsed.success && parsed.data.name === name ? parsed.data : undefined;
}

const owned = z.object({ node: z.string().min(1), template: z.string() });

/** The node that runs an instance; undefined when no node of ours does. */
export function ownerOf(found: Row): string | undefined {
  return owned.safeParse(found).data?.node;
}

const record: z.ZodType<InstanceRecord> = z.looseObject({
  name: z.string(),
  status: z.enum(instanceStatuses),
  port: z.number().nullable(),
  pid: z.number().nullable(),
  archived_at: z.string().nullable(),
  node: z.string(),
  template: z.string(),
  params: z.record(z.string(), z.string()),
  created_at: z.string(),
  exit_code: z.number().nullable(),
  restarts: z.number(),
});

const answer: z.ZodType<CommandAnswer> = z.object({ instance: record.nullable(), duplicate: z.boolean() });

/** What a node has answered. Throws an Error when that is no answer: another version of us runs there. */
export function parseAnswer(data: Uint8Array): CommandAnswer {
  return answer.parse(jsonIn(data));
}

/** Where the record of an instance is stored. */
export function instanceSubject(org: string, name: string): string {
  return subjectOf(org, `instances.${encodeToken(name)}`);
}

/** The JSON in a body; undefined when it holds none. */
export function jsonIn(data: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(data));
  } catch {
    return undefined;
  }
}
