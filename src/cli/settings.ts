import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { ConfigError, findConfigFile, type Loaded, loadConfig } from "../config.ts";
import { byKnob, type Flags } from "./knob-flags.ts";
import { exportsOf } from "./module.ts";
import type { StreamPlaces } from "./own-streams.ts";

/** Settings, and where the user's own streams are. */
export interface Settings extends Loaded {
  readonly places: StreamPlaces;
}

/**
 * Reads every setting, also from a configuration file that is a program.
 *
 * Throws ConfigError for what cannot be used, and Explained for a program that cannot be run.
 */
export async function settings(given: Flags): Promise<Settings> {
  const flags = byKnob(given);
  const file = findConfigFile({ flags });
  if (!file?.isProgram) return withPlaces(loadConfig({ flags }), { beside: file?.path, listed: undefined });
  const { streams, ...content } = await contentOf(file);
  const isList = Array.isArray(streams);
  const values = isList || streams === undefined ? content : { ...content, streams };
  const loaded = loadConfig({ flags, content: { name: file.name, values } });
  const listed = isList ? { file: file.name, streams } : undefined;
  return withPlaces(loaded, { beside: file.path, listed });
}

async function contentOf({ path, name }: { readonly path: string; readonly name: string }) {
  const exported = await exportsOf(path, `file ${name}`);
  const { default: content } = exported;
  if (typeof content === "object" && content !== null && !Array.isArray(content)) {
    return content as Readonly<Record<string, unknown>>;
  }
  throw new ConfigError(`file ${name} must export its settings as default: export default defineConfig({ … })`);
}

interface Found {
  /** The path of the configuration file; undefined when there is none. */
  readonly beside: string | undefined;
  readonly listed: StreamPlaces["listed"];
}

function withPlaces({ config, origin }: Loaded, { beside, listed }: Found): Settings {
  const near = beside === undefined ? undefined : join(dirname(beside), "streams");
  if (config.streams !== undefined || near === undefined || !existsSync(near)) {
    return { config, origin, places: { folder: config.streams, listed } };
  }
  const folder = relative(process.cwd(), near) || ".";
  const found = { ...config, streams: folder };
  return { config: found, origin: { ...origin, streams: "beside the configuration file" }, places: { folder, listed } };
}
