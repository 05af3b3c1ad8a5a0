import { z } from "zod";
import type { FrameBody } from "../protocol/frame.ts";
import { identifierLengthMax } from "../protocol/limits.ts";
import { type Change, defineTable } from "../stream/define.ts";
import { flag } from "../stream/query.ts";
import { identifier, tooLong } from "../stream/texts.ts";

const row = z.looseObject({
  name: identifier,
  status: identifier,
  port: z.int().min(0).max(65_535).nullable().default(null),
  pid: z.int().min(1).nullable().default(null),
  archived_at: identifier.nullable().default(null),
});

/** A row that another service publishes may have these as well, of whatever type. */
const record = ["node", "template"].reduce(
  (schema, field) => schema.refine((found) => isShort(found[field]), { path: [field], error: tooLong }),
  row,
);

/** A row of the fleet. */
export type Instance = z.infer<typeof record>;

/** Fields whose change is told as `status_changed`. */
const statusFields: ReadonlySet<string> = new Set(["status", "pid"]);

function isShort(value: unknown): boolean {
  return typeof value !== "string" || value.length <= identifierLengthMax;
}

/** The fleet, as a table. */
export const instances = defineTable({
  path: "instances",
  description: "The fleet: every instance with its status, then each change",
  subject: "instances.:name",
  ownedSubject: "managed.:name",
  access: { role: "viewer", needsToken: false, names: { instances: ["name"] } },
  rejectedBody: "shown",
  query: z.strictObject({ include_archived: flag(false) }),
  record,
  messages: {
    set_include_archived: {
      fields: z.strictObject({ type: z.string(), value: z.boolean() }),
      change: (_query, { value }) => ({ include_archived: value === true }),
    },
  },
  snapshot: (rows, { include_archived }) => [
    { type: "snapshot", instances: include_archived ? rows : rows.filter(isVisible), include_archived },
  ],
  deltas,
  shows: ({ before, after }, { include_archived }) =>
    include_archived || (before !== undefined && isVisible(before)) || (after !== undefined && isVisible(after)),
});

function isVisible(instance: Instance): boolean {
  return instance.archived_at === null;
}

function deltas({ before, after, timestamp }: Change<Instance>): FrameBody[] {
  if (after === undefined) return before ? [{ type: "instance_deleted", name: before.name, timestamp }] : [];
  if (before === undefined) return [{ type: "instance_created", ...after, timestamp }];
  if (!isVisible(before) && isVisible(after)) return [{ type: "instance_unarchived", ...after, timestamp }];
  const frames = fieldDeltas(before, after, timestamp);
  if (isVisible(before) && !isVisible(after)) {
    frames.push({ type: "instance_archived", name: after.name, archived_at: after.archived_at, timestamp });
  }
  return frames;
}

function fieldDeltas(before: Instance, after: Instance, timestamp: string): FrameBody[] {
  const { name } = after;
  const changed = changedFields(before, after);
  const frames: FrameBody[] = [];
  if (changed.some((field) => statusFields.has(field))) {
    frames.push({ type: "status_changed", name, status: after.status, pid: after.pid, timestamp });
  }
  const rest = changed.filter((field) => !statusFields.has(field) && field !== "archived_at");
  if (rest.length > 0) {
    // A field that the record no longer has is told as null: JSON has no undefined.
    const values = Object.fromEntries(rest.map((field) => [field, after[field] ?? null]));
    frames.push({ type: "instance_updated", name, ...values, timestamp });
  }
  return frames;
}

function changedFields(before: Instance, after: Instance): string[] {
  const fields = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...fields].filter((field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]));
}
