import { z } from "zod";
import { Failure } from "../protocol/failure.ts";
import { echoed } from "../protocol/limits.ts";

/** Query parameters that belong to the protocol; a stream cannot define its own of these names. */
export const reservedQuery: ReadonlySet<string> = new Set(["since", "wait", "token", "ticket", "stream"]);

/** A query parameter that is `true` or `false`. */
export function flag(byDefault: boolean) {
  return z
    .union([z.boolean(), z.enum(["true", "false"]).transform((text) => text === "true")], "must be true or false")
    .default(byDefault);
}

/** A query parameter that is a whole number from `least` to `most`. */
export function whole(byDefault: number, [least, most]: readonly [number, number]) {
  const allowed = `must be a whole number from ${least} to ${most}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, allowed)
    .transform(Number)
    .refine((value) => value >= least && value <= most, allowed)
    .default(byDefault);
}

/**
 * Reads the query of a request by a stream's schema.
 *
 * Throws `bad_query` that names the parameter: unknown, given twice, or not of its form.
 */
export function parseQuery<Query>(schema: z.ZodType<Query>, search: URLSearchParams): Query {
  const given: Record<string, string> = {};
  for (const [name, value] of search) {
    if (reservedQuery.has(name)) continue;
    if (Object.hasOwn(given, name)) throw new Failure("bad_query", `Query parameter "${echoed(name)}" is given twice`);
    given[name] = value;
  }
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new Failure("bad_query", `Query parameter ${issueText(parsed.error)}`);
}

/** The first thing wrong with a value, as `"field": what`. */
export function issueText(error: z.ZodError): string {
  const [issue] = error.issues;
  if (issue === undefined) return "is not valid";
  if (issue.code === "unrecognized_keys") return `"${echoed(issue.keys[0] ?? "")}" is not known here`;
  const field = echoed(issue.path.join("."));
  return field === "" ? issue.message : `"${field}": ${issue.message}`;
}
