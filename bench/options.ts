import { parseArgs } from "node:util";
import { type Scenario, scenarios } from "./scenario.ts";
import type { Transport } from "./subscriber.ts";

/** What was asked for on the command line. */
export interface Options {
  readonly scenarios: readonly Scenario[];
  /** Names of servers; empty for each scenario's own choice. */
  readonly servers: readonly string[];
  readonly transports: readonly Transport[];
  readonly repeat: number;
  readonly bytes: number;
  readonly publish: "nats" | "http";
  readonly limitMs: number;
  /** How many more clients stop reading after their first bytes. */
  readonly stalled: number;
  readonly json: boolean;
  readonly help: boolean;
}

/** A mistake on the command line. */
export class UsageError extends Error {}

const flags = {
  scenario: { type: "string", default: "fanout" },
  servers: { type: "string", default: "" },
  transports: { type: "string", default: "ws,sse" },
  clients: { type: "string" },
  rate: { type: "string" },
  seconds: { type: "string" },
  frames: { type: "string" },
  repeat: { type: "string", default: "1" },
  bytes: { type: "string", default: "120" },
  publish: { type: "string", default: "nats" },
  limit: { type: "string", default: "60" },
  stalled: { type: "string", default: "0" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

/** Reads the command line; `known` are the names of the servers there are. */
export function parseOptions(args: readonly string[], known: readonly string[]): Options {
  const { values } = parse(args);
  const changes = numbers({
    clients: values.clients,
    rate: values.rate,
    seconds: values.seconds,
    frames: values.frames,
  });
  return {
    scenarios: chosen(values.scenario).map((scenario) => ({ ...scenario, ...changes })),
    servers: list("server", values.servers, known),
    transports: list("transport", values.transports, ["ws", "sse"] as const),
    publish: one("publish", values.publish, ["nats", "http"] as const),
    repeat: number("repeat", values.repeat),
    bytes: number("bytes", values.bytes),
    stalled: values.stalled === "0" ? 0 : number("stalled", values.stalled),
    limitMs: number("limit", values.limit) * 1000,
    json: values.json,
    help: values.help,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: flags, strict: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function chosen(name: string): readonly Scenario[] {
  if (name === "all") return scenarios;
  const names = list(
    "scenario",
    name,
    scenarios.map((scenario) => scenario.name),
  );
  return scenarios.filter((scenario) => names.includes(scenario.name));
}

function list<Name extends string>(what: string, text: string, known: readonly Name[]): Name[] {
  return text
    .split(",")
    .filter((name) => name !== "")
    .map((name) => one(what, name, known));
}

function one<Name extends string>(what: string, text: string, known: readonly Name[]): Name {
  const found = known.find((name) => name === text);
  if (found === undefined) throw new UsageError(`No ${what} is named '${text}'. There are: ${known.join(", ")}`);
  return found;
}

function numbers(given: Record<string, string | undefined>): Partial<Scenario> {
  const entries = Object.entries(given).flatMap(([name, text]) =>
    text === undefined ? [] : [[name, number(name, text)] as const],
  );
  return Object.fromEntries(entries);
}

function number(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new UsageError(`--${name} takes a whole number from 1, not '${text}'`);
  return value;
}
