import { RE2JS } from "re2js";
import { z } from "zod";
import { type TemplateInfo, templateParamsMax } from "../protocol/instance.ts";
import { placeholdersIn } from "./placeholder.ts";

const ms = (least: number, most: number) => z.int().min(least).max(most);

/** Signals that a command can notice. */
const signals = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const;

const param = z.strictObject({
  default: z.string().exactOptional(),
  /** RE2; it must match the whole value. Unless it says otherwise, no value begins like an option. */
  pattern: z
    .string()
    .refine(isExpression, { error: "is no regular expression that RE2 understands" })
    .default("(?:[A-Za-z0-9_.:/@+][A-Za-z0-9_.:/@+-]{0,199})?"),
});

const port = z
  .strictObject({ from: z.int().min(1).max(65_535), to: z.int().min(1).max(65_535) })
  .refine(({ from, to }) => from <= to, { error: "ends before it begins" });

const stop = z.strictObject({ signal: z.enum(signals).default("SIGTERM"), graceMs: ms(0, 600_000).default(5000) });

const health = z.strictObject({
  kind: z.enum(["none", "tcp", "http"]).default("none"),
  path: z.string().startsWith("/").default("/"),
  everyMs: ms(10, 3_600_000).default(500),
  timeoutMs: ms(10, 600_000).default(1000),
  /** How many in a row make an instance hung. */
  failures: z.int().min(1).max(1000).default(3),
  /** How long a start may take until the first probe succeeds. */
  startMs: ms(10, 3_600_000).default(30_000),
});

const backoff = z
  .strictObject({ fromMs: ms(1, 3_600_000).default(500), toMs: ms(1, 3_600_000).default(30_000) })
  .refine(({ fromMs, toMs }) => fromMs <= toMs, { error: "ends before it begins" });

const restart = z.strictObject({
  policy: z.enum(["never", "on-failure", "always"]).default("on-failure"),
  backoff: backoff.prefault({}),
  /** After how many restarts within `withinMs` the next end is the last. */
  giveUpAfter: z.int().min(1).max(1_000_000).default(5),
  withinMs: ms(1, 86_400_000).default(60_000),
});

const log = z.strictObject({
  /** How large a file grows, but for half as much again after a start, and for a line that is longer. */
  bytes: z
    .int()
    .min(4096)
    .max(2 ** 40)
    .default(10_485_760),
  files: z.int().min(1).max(1000).default(5),
});

const text = z.string().refine((value) => !value.includes("\0"), { error: "must not contain a NUL" });

const fields = z.strictObject({
  description: z.string().max(1000).default(""),
  command: text.min(1),
  args: z.array(text).default([]),
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), text).default({}),
  /** Default: the working directory of the supervisor. */
  cwd: text.min(1).default("."),
  params: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/), param)
    .refine((all) => Object.keys(all).length <= templateParamsMax, { error: `has more than ${templateParamsMax}` })
    .default({}),
  port: port.exactOptional(),
  stop: stop.prefault({}),
  health: health.prefault({}),
  restart: restart.prefault({}),
  log: log.prefault({}),
});

/** What instances are made from: a command with placeholders, and how to look after it. Times are in milliseconds. */
export type Template = z.output<typeof fields>;

const template = fields.superRefine(judge);

export type Templates = Readonly<Record<string, Template>>;

const reserved = ["name", "node", "port"];

/** What no field can say alone. */
function judge({ params, port, health, args, env, cwd }: Template, context: z.RefinementCtx): void {
  const fault = (path: PropertyKey[], message: string) => context.addIssue({ code: "custom", path, message });
  for (const name of reserved) if (Object.hasOwn(params, name)) fault(["params", name], "is always there by itself");
  if (health.kind !== "none" && port === undefined) fault(["health", "kind"], `${health.kind} needs a "port"`);
  for (const [name, { default: value, pattern }] of Object.entries(params)) {
    if (value !== undefined && !isMatch(pattern, value))
      fault(["params", name, "default"], "does not match its pattern");
  }
  const known = new Set([...Object.keys(params), "name", "node", ...(port ? ["port"] : [])]);
  const places: [PropertyKey[], string][] = [
    ...args.map((arg, i): [PropertyKey[], string] => [["args", i], arg]),
    ...Object.entries(env).map(([key, value]): [PropertyKey[], string] => [["env", key], value]),
    [["cwd"], cwd],
  ];
  for (const [path, value] of places) {
    for (const name of placeholdersIn(value)) {
      if (!known.has(name)) fault(path, `{${name}} stands for nothing; write {{${name}}} to mean the text itself`);
    }
  }
}

/** Templates as a configuration has them. Throws an Error that names each fault's template and field. */
export function parseTemplates(value: Readonly<Record<string, unknown>>): Templates {
  const faults: string[] = [];
  const templates: [string, Template][] = [];
  for (const [name, one] of Object.entries(value)) {
    if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/.test(name))
      faults.push(`Template ${JSON.stringify(name)} has no plain name`);
    const result = template.safeParse(one);
    if (result.success) templates.push([name, result.data]);
    else for (const { path, message } of result.error.issues) faults.push(faultOf(name, path, message));
  }
  if (faults.length > 0) throw new Error(faults.join("\n"));
  return Object.fromEntries(templates);
}

function faultOf(name: string, path: readonly PropertyKey[], message: string): string {
  const field = path.length === 0 ? "" : `, field ${path.map(String).join(".")}`;
  return `Template "${name}"${field}: ${message}`;
}

/** What clients may know of a template. */
export function infoOf(name: string, { description, params }: Template): TemplateInfo {
  const defaults = Object.entries(params).map(([param, { default: value }]) => [param, value ?? null]);
  return { name, description, params: Object.fromEntries(defaults) };
}

/** Whether a value matches a pattern from its beginning to its end. */
export function isMatch(pattern: string, value: string): boolean {
  return RE2JS.compile(pattern).matches(value);
}

function isExpression(pattern: string): boolean {
  try {
    RE2JS.compile(pattern);
    return true;
  } catch {
    return false;
  }
}
