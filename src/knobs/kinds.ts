import { z } from "zod";

export const dayMs = 86_400_000;

/** Whole numbers arrive as text from the environment and the command line, and as numbers from a file. */
export function whole(least: number, most: number, unit: string) {
  const error = `a whole number from ${least} to ${most} (${unit})`;
  const fromText = (value: unknown) => (typeof value === "string" && /^-?\d+$/.test(value) ? Number(value) : value);
  return z.preprocess(fromText, z.int({ error }).min(least, { error }).max(most, { error }));
}

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A duration arrives as `5s` or `500ms` too; a plain number is milliseconds. */
export function milliseconds(least: number, mostDays = 1) {
  const error = `a duration from ${least}ms to ${mostDays}d, like 5s or 500ms; a plain number is milliseconds`;
  const fromText = (value: unknown) => {
    const [, digits, unit = "ms"] = (typeof value === "string" && /^(\d{1,9})(ms|s|m|h|d)?$/.exec(value)) || [];
    return digits === undefined ? value : Number(digits) * (unitsMs[unit] ?? 1);
  };
  return z.preprocess(
    fromText,
    z
      .int({ error })
      .min(least, { error })
      .max(mostDays * dayMs, { error }),
  );
}

export function text(error: string, allowed: RegExp) {
  return z.string({ error }).regex(allowed, { error });
}

export const yesOrNo = z
  .union([z.boolean(), z.enum(["true", "false"]).transform((said) => said === "true")], { error: "true or false" })
  .default(false);

const redaction = z.union([
  z.string().transform((pattern) => ({ pattern })),
  z.strictObject({ pattern: z.string(), replace: z.string().exactOptional() }),
]);

/** Rules arrive as JSON, or as one regular expression. */
export const redactions = z.preprocess(
  (value) => (typeof value === "string" ? (arrayIn(value) ?? [value]) : value),
  z.array(redaction, { error: "one regular expression, or a JSON array of them" }),
);

function arrayIn(text: string): unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** An object arrives as JSON from the environment and the command line. */
export const byName = z.preprocess(
  (value) => (typeof value === "string" ? (objectIn(value) ?? value) : value),
  z.record(z.string(), z.unknown(), { error: "a JSON object with a template under each name" }),
);

function objectIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const natsUrl = text(
  "one nats:// or tls:// address, or several with commas between",
  /^(?:nats|tls):\/\/[^\s,]+(?:,(?:(?:nats|tls):\/\/)?[^\s,]+)*$/,
);

/** Several words arrive as text with commas between, or as a list from a file. */
export function several(error: string, allowed: RegExp) {
  const fromText = (value: unknown) =>
    typeof value === "string" ? value.split(",").map((word) => word.trim()) : value;
  return z.preprocess(fromText, z.array(text(error, allowed), { error })).default([]);
}

/** How much one principal, one address and one org may have of something; 0 is as much as they like. */
export interface Quota {
  readonly principal: number;
  readonly address: number;
  readonly org: number;
}

/** A quota arrives as `principal=10,address=100,org=1000`, or as an object from a file; what is not said stays as it is. */
export function quota(byDefault: Quota, unit: string) {
  const error = `${unit} for principal, address and org, like principal=10,org=1000; 0 is no limit`;
  const count = z
    .int({ error })
    .min(0, { error })
    .max(2 ** 40, { error });
  const { principal, address, org } = byDefault;
  const shape = z.strictObject(
    { principal: count.default(principal), address: count.default(address), org: count.default(org) },
    { error },
  );
  return z.preprocess((value) => (typeof value === "string" ? pairsIn(value) : value), shape).default(byDefault);
}

function pairsIn(text: string): unknown {
  const pairs = text.split(",").map((pair) => /^\s*([a-z]+)=(\d{1,13})\s*$/.exec(pair) ?? undefined);
  const isClear = pairs.every(Boolean) && new Set(pairs.map((pair) => pair?.[1])).size === pairs.length;
  return isClear ? Object.fromEntries(pairs.map((pair) => [pair?.[1], Number(pair?.[2])])) : text;
}
