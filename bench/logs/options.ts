import { parseArgs } from "node:util";
import { UsageError } from "../options.ts";
import { followers } from "./rivals.ts";

/** What was asked for on the command line. */
export interface Options {
  readonly sections: readonly string[];
  /** Who is measured in throughput and latency. */
  readonly followers: readonly string[];
  /** How much a log grows, MB. */
  readonly mb: number;
  /** Length of a line with its line feed. */
  readonly bytes: number;
  readonly rotations: number;
  /** How long latency is measured at each rate. */
  readonly seconds: number;
  /** How many idle logs are followed. */
  readonly files: number;
  readonly json: boolean;
  readonly help: boolean;
}

const flags = {
  followers: { type: "string", default: Object.keys(followers).join(",") },
  mb: { type: "string", default: "200" },
  bytes: { type: "string", default: "95" },
  rotations: { type: "string", default: "50" },
  seconds: { type: "string", default: "4" },
  files: { type: "string", default: "5000" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

/** Reads the command line; `known` are the names of the sections there are. */
export function parseOptions(args: readonly string[], known: readonly string[]): Options {
  const { values, positionals } = parse(args);
  const unknown = positionals.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new UsageError(`No section is named '${unknown}'. There are: ${known.join(", ")}`);
  return {
    sections: positionals.length === 0 ? known : known.filter((name) => positionals.includes(name)),
    followers: values.followers.split(",").map(follower),
    mb: whole("mb", values.mb),
    bytes: whole("bytes", values.bytes),
    rotations: whole("rotations", values.rotations),
    seconds: whole("seconds", values.seconds),
    files: whole("files", values.files),
    json: values.json,
    help: values.help,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: flags, strict: true, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function follower(word: string): string {
  const found = Object.entries(followers).find(([name]) => name === word);
  if (found) return found[1];
  throw new UsageError(`No follower is named '${word}'. There are: ${Object.keys(followers).join(", ")}`);
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new UsageError(`--${name} takes a whole number from 1, not '${text}'`);
}
