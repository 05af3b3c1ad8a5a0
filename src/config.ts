import { existsSync, readFileSync } from "node:fs";
import { extname, resolve } from "node:path";
import type { z } from "zod";
import { schema } from "./knobs/knobs.ts";
import { nearest } from "./knobs/nearest.ts";
import type { Definition } from "./stream/define.ts";

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
  /** What a configuration file says, for whoever has read it; then none is looked for. */
  readonly content?: FileContent;
}

/** What a configuration file says. */
export interface FileContent {
  /** The file as it was named. */
  readonly name: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** What a configuration file says: knobs, each as a file may write it, and streams of the user's own. */
export type ConfigFile = { readonly [K in Exclude<Knob, "streams">]?: Config[K] | string | number | undefined } & {
  /** Definitions, or the folder with modules that export them. */
  readonly streams?: readonly Definition[] | string | undefined;
};

/** Gives a configuration file its types: `export default defineConfig({ port: 8100, streams: [deploys] })`. */
export function defineConfig(content: ConfigFile): ConfigFile {
  return content;
}

/** A configuration file. */
export interface FoundFile {
  /** As it was named. */
  readonly name: string;
  readonly path: string;
  /** Whether it has to be run for what it says. */
  readonly isProgram: boolean;
}

/** A setting that cannot be used. Its message names the knob, the value, who set it and what is allowed. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ConfigError";
  }
}

const programs: ReadonlySet<string> = new Set([".ts", ".mts", ".js", ".mjs"]);
const wellKnownFiles = [".json", ...programs].map((extension) => `skein.config${extension}`);
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
  default: displayValue(schema.shape[knob].safeParse(undefined).data as Config[Knob]),
  variable: variableOf(knob),
  flag: flagOf(knob),
}));

/**
 * Reads every setting: defaults, then the config file, then the environment, then the command line; the last word counts.
 *
 * Throws `ConfigError` for anything that cannot be used.
 */
export function loadConfig(sources: Sources): Loaded {
  const { env = process.env, flags = {} } = sources;
  const said = new Map<Knob, Said>();
  readFile(said, sources);
  for (const knob of knobNames) {
    const variable = env[variableOf(knob)];
    // Compose and CI files set a variable they have no value for to nothing.
    if (variable) said.set(knob, { value: variable, origin: `environment ${variableOf(knob)}` });
    if (flags[knob] !== undefined) said.set(knob, { value: flags[knob], origin: `flag ${flagOf(knob)}` });
  }
  return { config: parse(said), origin: origins(said) };
}

/** What shows to a gateway who asks: the variable with a token, and the one with the name of a file that has it. */
const tokenVariables = { token: "SKEIN_TOKEN", file: "SKEIN_TOKEN_FILE" } as const;

/** The token for gateways that the environment holds, or the file that it names; what is empty is not said. */
export function tokenInEnvironment(env = process.env): { readonly token?: string; readonly file?: string } {
  const { [tokenVariables.token]: token, [tokenVariables.file]: file } = env;
  if (token) return { token };
  return file ? { file } : {};
}

/** The environment for programs that this one starts: all but settings and tokens, which are nobody else's. */
export function environmentForOthers(env = process.env): Readonly<Record<string, string | undefined>> {
  const own = new Set(["SKEIN_CONFIG", ...Object.values(tokenVariables), ...knobNames.map(variableOf)]);
  return Object.fromEntries(Object.entries(env).filter(([variable]) => !own.has(variable)));
}

/** What a program finds in its environment about the run that it is part of, and who is told of that. */
const toolVariables = {
  crew: "SKEIN_CREW",
  run: "SKEIN_RUN",
  agent: "SKEIN_AGENT",
  url: "SKEIN_URL",
  via: "SKEIN_VIA",
  // Says that the run is one of `skein run`, which is told of each tool.
  ownRun: "SKEIN_OWN_RUN",
} as const;

/** Where a command runs; what is undefined stays as it is in the environment. */
export type ToolPlace = Readonly<Partial<Record<keyof typeof toolVariables, string | undefined>>>;

/** Where a program runs that runs commands, as its environment says. */
export function toolPlace(env = process.env): ToolPlace {
  return Object.fromEntries(Object.entries(toolVariables).map(([key, variable]) => [key, env[variable] || undefined]));
}

/** The environment for a command of a run: this one, and where a `skein exec` in it belongs. */
export function environmentForTools(place: ToolPlace, env = process.env): Readonly<Record<string, string | undefined>> {
  const said = Object.entries(toolVariables).flatMap(([key, variable]) => {
    const value = place[key as keyof typeof toolVariables];
    return value === undefined ? [] : [[variable, value] as const];
  });
  return { ...env, ...Object.fromEntries(said) };
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

/**
 * The configuration file that is named, or that is in the working directory.
 *
 * Throws `ConfigError` when a file that is named is not there, and when there are several.
 */
export function findConfigFile({ env = process.env, flags = {}, cwd = process.cwd() }: Sources): FoundFile | undefined {
  const named = flags.config || env.SKEIN_CONFIG;
  const names = named ? [String(named)] : wellKnownFiles.filter((name) => existsSync(resolve(cwd, name)));
  if (names.length > 1) {
    throw new ConfigError(`${names.join(" and ")} are all there: name one of them with --config, or remove the others`);
  }
  const [name] = names;
  if (name === undefined) return undefined;
  if (!existsSync(resolve(cwd, name))) throw new ConfigError(`There is no file ${name}`);
  return { name, path: resolve(cwd, name), isProgram: programs.has(extname(name)) };
}

function readFile(said: Map<Knob, Said>, sources: Sources): void {
  const { name, values } = sources.content ?? foundContent(sources) ?? { name: "", values: {} };
  const origin = `file ${name}`;
  for (const [key, value] of Object.entries(values)) {
    if (!isKnob(key)) throw new ConfigError(`${origin} sets "${key}", which is no setting; ${suggestion(key)}`);
    if (value !== undefined) said.set(key, { value, origin });
  }
}

function foundContent(sources: Sources): FileContent | undefined {
  const file = findConfigFile(sources);
  if (file === undefined) return undefined;
  const { name, path, isProgram } = file;
  if (!isProgram) return { name, values: objectIn(contentOf(path), `file ${name}`) };
  throw new ConfigError(`file ${name} is a program: import it, and give what it exports to loadConfig as content`);
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new ConfigError(`The file ${path} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}

function objectIn(content: string, origin: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (error) {
    throw new ConfigError(`${origin} is not JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw new ConfigError(`${origin} must hold one JSON object`);
}

function isKnob(key: string): key is Knob {
  return Object.hasOwn(schema.shape, key);
}

function suggestion(key: string): string {
  const best = nearest(key, knobNames);
  return best === undefined ? `settings are ${knobNames.join(", ")}` : `did you mean "${best}"?`;
}

/** A setting as it may be shown: without the password or token that an address can carry. */
export function displayValue(value: Config[Knob]): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return "none";
  return maskSecrets(textOf(value));
}

/** Words as they may be given on the command line; what is more than words as JSON. */
function textOf(value: NonNullable<Config[Knob]>): string {
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return value.every(isWord) ? value.join(",") : JSON.stringify(value);
  const pairs = Object.entries(value);
  return pairs.every(([, one]) => typeof one === "number")
    ? pairs.map(([name, one]) => `${name}=${one}`).join(",")
    : JSON.stringify(value);
}

function isWord(value: unknown): boolean {
  return typeof value === "string";
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
