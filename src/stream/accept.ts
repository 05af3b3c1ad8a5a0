import { Failure } from "../protocol/failure.ts";
import { echoed } from "../protocol/limits.ts";
import type { StoredDefinition } from "./define.ts";
import { objectIn } from "./json.ts";
import type { Params } from "./path.ts";
import { issueText } from "./query.ts";

/**
 * The record or event in a body, checked by the definition's schema and completed with the subject's names and, for an
 * event, the time it was stored.
 *
 * Throws `invalid_body` that names the field.
 */
export function accept(definition: StoredDefinition, { names, atMs }: Origin, body: Uint8Array): unknown {
  const value = objectIn(body, "invalid_body");
  if (definition.kind === "feed") value.timestamp ??= isoTime(atMs);
  for (const [name, inSubject] of Object.entries(names)) {
    if (value[name] === undefined) value[name] = inSubject;
    else if (value[name] !== inSubject) {
      throw new Failure("invalid_body", `"${name}" contradicts the subject, which says "${echoed(inSubject)}"`);
    }
  }
  const taken = reservedFields[definition.kind].find((field) => value[field] !== undefined);
  if (taken !== undefined)
    throw new Failure("invalid_body", `"${taken}": the field belongs to the frames, not to a body`);
  const schema = definition.kind === "table" ? definition.record : definition.event;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Failure("invalid_body", issueText(parsed.error));
}

/** Fields that a frame has on its own account; in a body they would be lost or mistaken for the frame's. */
const reservedFields = {
  table: ["type", "timestamp", "cursor", "reason"],
  feed: ["cursor"],
} as const;

/** Where a body was found and when. */
export interface Origin {
  readonly names: Params;
  readonly atMs: number;
}

/** A time as ISO 8601 in UTC. */
export function isoTime(atMs: number): string {
  return new Date(atMs).toISOString();
}
