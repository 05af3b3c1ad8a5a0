import { Failure } from "../protocol/failure.ts";
import { objectIn } from "../protocol/json.ts";
import { bodyBytesMax, echoed } from "../protocol/limits.ts";
import type { StoredDefinition } from "./define.ts";
import type { Params } from "./path.ts";
import { issueText } from "./query.ts";

/**
 * The record or event in a body, checked by the definition's schema and completed with the subject's names and, for an
 * event, the time it was stored.
 *
 * Throws `invalid_body` that names the field.
 */
export function accept(definition: StoredDefinition, { names, atMs }: Origin, body: Uint8Array): unknown {
  const value = objectIn(body);
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
  if (!parsed.success) throw new Failure("invalid_body", issueText(parsed.error));
  if (body.length > bodyBytesMax / mostGrowth && byteLength(parsed.data) > acceptedBytesMax) {
    throw new Failure("invalid_body", `The body must not be larger than ${acceptedBytesMax} bytes once written out`);
  }
  return parsed.data;
}

/** How much longer a body becomes at the most when it is written again: `1e15,` has 5 characters, its digits and the comma 17. */
const mostGrowth = 4;

/** How large a body may be as we write it, with every field that has a default. A frame of it is not much larger. */
const acceptedBytesMax = bodyBytesMax + 32 * 1024;

function byteLength(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
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
