import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";

const longestMs = 86_400_000;

/** Whole numbers arrive as text from the environment and the command line, and as numbers from a file. */
function whole(least: number, most: number, unit: string) {
  const error = `a whole number from ${least} to ${most} (${unit})`;
  const fromText = (value: unknown) => (typeof value === "string" && /^-?\d+$/.test(value) ? Number(value) : value);
  return z.preprocess(fromText, z.int({ error }).min(least, { error }).max(most, { error }));
}

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A duration arrives as `5s` or `500ms` too; a plain number is milliseconds. */
function milliseconds(least: number) {
  const error = `a duration from ${least}ms to 1d, like 5s or 500ms; a plain number is milliseconds`;
  const fromText = (value: unknown) => {
    const [, digits, unit = "ms"] = (typeof value === "string" && /^(\d{1,9})(ms|s|m|h|d)?$/.exec(value)) || [];
    return digits === undefined ? value : Number(digits) * (unitsMs[unit] ?? 1);
  };
  return z.preprocess(fromText, z.int({ error }).min(least, { error }).max(longestMs, { error }));
}

function text(error: string, allowed: RegExp) {
  return z.string({ error }).regex(allowed, { error });
}

const yesOrNo = z
  .union([z.boolean(), z.enum(["true", "false"]).transform((said) => said === "true")], { error: "true or false" })
  .default(false);

const natsUrl = text(
  "one nats:// or tls:// address, or several with commas between",
  /^(?:nats|tls):\/\/[^\s,]+(?:,(?:(?:nats|tls):\/\/)?[^\s,]+)*$/,
);

/** Every knob, its unit, its limits, its default and what it is for. */
const schema = z.strictObject({
  port: whole(0, 65_535, "TCP port").default(8000).describe("The port to listen on; 0 takes any free one."),
  host: text("a host name or an address", /^[^\s/]+$/)
    .default("127.0.0.1")
    .describe("The address to listen on; 0.0.0.0 opens the gateway to the network."),
  openToNetwork: yesOrNo.describe("Whether to listen beyond this machine although nobody has to say who they are."),
  nats: natsUrl
    .optional()
    .describe("The NATS servers; without them messages live in this process and its data directory."),
  data: text("a directory, or :memory:", /\S/)
    .default(".skein")
    .describe("The directory for what must survive a restart; :memory: keeps nothing."),
  drainMs: milliseconds(0).default(5000).describe("How long a shutdown spreads the good-byes to clients over."),
  pingEveryMs: milliseconds(1)
    .default(20_000)
    .describe("How long an SSE connection stays silent before a ping is sent."),
  idleAfterMs: milliseconds(1)
    .default(90_000)
    .describe("How long a WebSocket client may say nothing before its connection is closed."),
  stuckAfterMs: milliseconds(1)
    .default(30_000)
    .describe("How long a client may accept no byte before its connection is closed."),
  queueFrames: whole(1, 1_000_000, "frames")
    .default(256)
    .describe("How many frames wait for one slow client before it gets a fresh snapshot instead."),
  queueBytes: whole(1, 2 ** 30, "bytes")
    .default(1_048_576)
    .describe("How many bytes wait for one slow client before it gets a fresh snapshot instead."),
  lingerMs: milliseconds(0).default(30_000).describe("How long a channel is kept after its last client has left."),
  ringFrames: whole(0, 1_000_000, "frames")
    .default(1024)
    .describe("How many of its newest frames a channel remembers for clients that come back."),
  ringBytes: whole(0, 2 ** 32, "bytes")
    .default(4_194_304)
    .describe("How many bytes of its newest frames a channel remembers for clients that come back."),
  replayFrames: whole(1, 10_000_000, "frames")
    .default(10_000)
    .describe("The longest resume; a client that missed more gets a fresh snapshot."),
  maxMessageBytes: whole(1, 2 ** 26, "bytes")
    .default(65_536)
    .describe("The largest message a WebSocket client may send."),
  maxBodyBytes: whole(1, 2 ** 26, "bytes")
    .default(1_048_576)
    .describe("The largest body of an HTTP publish; a NATS server has a limit of its own, by default the same."),
  pollWaitMaxMs: milliseconds(0).default(25_000).describe("The longest time a polling request is held open for news."),
  retryMs: milliseconds(0).default(1000).describe("How long an EventSource is told to wait before it connects again."),
});

/** What the gateway is set to. */
export type Config = Readonly<z.output<typeof schema>>;

/** The name of one setting. */
export type Knob = keyof Config;

/** What a person may know about a knob without knowing its value. */
export interface KnobInfo {
  readonly knob: Knob;
  readonly description: string;
  readonly default: string;
  /** The environment variable that sets it. */
  readonly variable: string;
  /** The command line flag that sets it. */
  readonly flag: string;
}

/** Settings, and for each of them who said so: "default", "file F", "environment V" or "flag --f". */
export interface Loaded {
  readonly config: Config;
  readonly origin: Readonly<Record<Knob, string>>;
}

/** Where settings are looked for. */
export interface Sources {
  /** The environment; that of this process unless another is given. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What the command line says, by knob; `config` names a file. */
  readonly flags?: Readonly<Partial<Record<Knob | "config", string | number | undefined>>>;
  /** The directory a relative file name starts from; the working directory unless another is given. */
  readonly cwd?: string;
}

/** A setting that cannot be used. Its message names the knob, the value, who set it and what is allowed. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ConfigError";
  }
}

const wellKnownFile = "skein.config.json";
const knobNames = Object.keys(schema.shape) as Knob[];

function dashed(knob: string, dash: string): string {
  return knob.replace(/[A-Z]/g, (letter) => dash + letter.toLowerCase());
}

function variableOf(knob: Knob): string {
  return knob === "nats" ? "NATS_URL" : `SKEIN_${dashed(knob, "_").toUpperCase()}`;
}

/** A flag leaves out the unit that its value may have: `--drain 5s` sets `drainMs`. */
function flagOf(knob: Knob): string {
  return `--${dashed(knob.replace(/Ms$/, ""), "-")}`;
}

/** Every knob in the order of the schema, for `skein config`, `--help` and the manual. */
export const knobs: readonly KnobInfo[] = knobNames.map((knob) => ({
  knob,
  description: schema.shape[knob].description ?? "",
  default: String(schema.shape[knob].safeParse(undefined).data ?? "none"),
  variable: variableOf(knob),
  flag: flagOf(knob),
}));

/**
 * Reads every setting: defaults, then the config file, then the environment, then the command line; the last word counts.
 *
 * Throws `ConfigError` for anything that cannot be used.
 */
export function loadConfig({ env = process.env, flags = {}, cwd = process.cwd() }: Sources): Loaded {
  const said = new Map<Knob, Said>();
  readFile(said, { name: flags.config ?? env.SKEIN_CONFIG, cwd });
  for (const knob of knobNames) {
    const variable = env[variableOf(knob)];
    // Compose and CI files set a variable they have no value for to nothing.
    if (variable) said.set(knob, { value: variable, origin: `environment ${variableOf(knob)}` });
    if (flags[knob] !== undefined) said.set(knob, { value: flags[knob], origin: `flag ${flagOf(knob)}` });
  }
  return { config: parse(said), origin: origins(said) };
}

interface Said {
  readonly value: unknown;
  readonly origin: string;
}

function parse(said: ReadonlyMap<Knob, Said>): Config {
  const values = Object.fromEntries([...said].map(([knob, { value }]) => [knob, value]));
  const result = schema.safeParse(values);
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path: [knob], message }) => faultOf(knob as Knob, message, said));
  throw new ConfigError(faults.join("\n"));
}

function faultOf(knob: Knob, allowed: string, said: ReadonlyMap<Knob, Said>): string {
  const { value, origin } = said.get(knob) ?? { value: undefined, origin: "default" };
  const shown = maskSecrets(JSON.stringify(value) ?? "nothing");
  return `${knob} is ${shown} (${origin}), which is not ${allowed}`;
}

function origins(said: ReadonlyMap<Knob, Said>): Record<Knob, string> {
  const rows = knobNames.map((knob) => [knob, said.get(knob)?.origin ?? "default"]);
  return Object.fromEntries(rows) as Record<Knob, string>;
}

function readFile(said: Map<Knob, Said>, file: { name: string | number | undefined; cwd: string }): void {
  const name = String(file.name || wellKnownFile);
  const origin = `file ${name}`;
  const content = contentOf(resolve(file.cwd, name));
  if (content === undefined && !file.name) return;
  if (content === undefined) throw new ConfigError(`There is no ${origin}`);
  for (const [key, value] of Object.entries(objectIn(content, origin))) {
    if (!isKnob(key)) throw new ConfigError(`${origin} sets "${key}", which is no setting; ${suggestion(key)}`);
    said.set(key, { value, origin });
  }
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new ConfigError(`The file ${path} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}

function objectIn(content: string, origin: string): object {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (error) {
    throw new ConfigError(`${origin} is not JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new ConfigError(`${origin} must hold one JSON object`);
}

function isKnob(key: string): key is Knob {
  return Object.hasOwn(schema.shape, key);
}

function suggestion(key: string): string {
  const spelled = key.toLowerCase().replaceAll(/[^a-z]/g, "");
  const ranked = knobNames
    .map((knob) => ({ knob, off: distance(spelled, knob.toLowerCase()) }))
    .sort((a, b) => a.off - b.off);
  const [best] = ranked;
  if (best && best.off <= Math.max(2, key.length / 3)) return `did you mean "${best.knob}"?`;
  return `settings are ${knobNames.join(", ")}`;
}

/** How many letters to insert, drop or replace to get from one word to the other (Levenshtein). */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      const replaced = (row[j] ?? 0) + (letter === to[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}

/** A setting as it may be shown: without the password or token that an address can carry. */
export function displayValue(value: Config[Knob]): string {
  return value === undefined ? "none" : maskSecrets(String(value));
}

/**
 * A text with every password or token in front of an address's `@` hidden.
 *
 * What comes before the last `@` is taken for a secret even where that hides a second address: too little is shown
 * rather than too much.
 */
export function maskSecrets(text: string): string {
  return text
    .split(/,(?=[a-z]+:\/\/)/)
    .map((address) => address.replace(/(:\/\/)([^@:]*)(:?)(.*)@/s, mask))
    .join(",");
}

function mask(_all: string, scheme: string, user: string, colon: string): string {
  return colon ? `${scheme}${user}:***@` : `${scheme}***@`;
}
