import { readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Definition } from "../stream/define.ts";
import { productStreams } from "../streams/all.ts";
import { collision, ownCollision } from "./collisions.ts";
import { Explained, messageOf } from "./explained.ts";
import { exportsOf } from "./module.ts";

/** A stream that the user has defined. */
export interface OwnStream {
  readonly definition: Definition;
  /** Where it is from, for people: `deploys in streams/deploys.ts`. */
  readonly origin: string;
}

/** Where streams of the user are. */
export interface StreamPlaces {
  /** The folder with modules that export definitions; undefined when there is none. */
  readonly folder: string | undefined;
  /** Definitions that a configuration file lists, and the name of that file. */
  readonly listed: { readonly file: string; readonly streams: readonly unknown[] } | undefined;
}

/** The user's own streams. Throws Explained that names the file, the export and what is wrong. */
export async function ownStreams({ folder, listed }: StreamPlaces): Promise<readonly OwnStream[]> {
  const streams = (listed?.streams ?? []).map((value, at) => judged(value, `streams[${at}] in ${listed?.file}`));
  if (folder !== undefined) for (const file of modulesIn(folder)) streams.push(...(await streamsIn(folder, file)));
  refuseCollisions(streams);
  return streams;
}

/** What is no module, or begins with an underscore, or is a test, is left alone. */
const isModule = (file: string) => /^[^_.].*\.m?[jt]s$/.test(file) && !/\.(?:d|test|spec)\.m?[jt]s$/.test(file);

function modulesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter(isModule).sort();
  } catch (thrown) {
    throw new Explained(`The folder of streams, ${folder}, cannot be read: ${messageOf(thrown)}`);
  }
}

async function streamsIn(folder: string, file: string): Promise<OwnStream[]> {
  const path = join(folder, file);
  const exported = Object.entries(await exportsOf(path, path));
  if (exported.length === 0) {
    throw new Explained(`${path} exports nothing: export a stream, or begin its name with _ when it has none`);
  }
  return exported.map(([name, value]) => judged(value, `${name} in ${path}`));
}

const shape = z.object({
  kind: z.enum(["table", "feed", "log", "rooms"]),
  path: z.string(),
  description: z.string(),
  pathPattern: z.object({ match: z.function() }),
});

function judged(value: unknown, origin: string): OwnStream {
  if (!isDefinition(value)) {
    const found = value instanceof Promise ? "a promise" : value === null ? "null" : typeof value;
    const what = found === "object" ? "an object that none of them has made" : found;
    throw new Explained(
      `${origin} is no stream but ${what}: export what defineTable, defineFeed, defineLog or defineRooms returns`,
    );
  }
  const fault = ownCollision(value);
  if (fault !== undefined) throw new Explained(`${origin} ${fault}`);
  return { definition: value, origin };
}

/** Whatever has the marks of a definition was made by what makes definitions, which has checked the rest. */
function isDefinition(value: unknown): value is Definition {
  return shape.safeParse(value).success;
}

function refuseCollisions(streams: readonly OwnStream[]): void {
  const known: OwnStream[] = productStreams.map((definition) => ({ definition, origin: "Skein" }));
  for (const { definition, origin } of streams) {
    for (const other of known) {
      // One definition may be exported under two names.
      if (other.definition === definition) throw new Explained(`${origin} is ${other.origin} once more: list it once`);
      const fault = collision(definition, other.definition);
      if (fault !== undefined) throw new Explained(`${origin} ${fault} (${other.origin})`);
    }
    known.push({ definition, origin });
  }
}
