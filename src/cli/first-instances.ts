import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Bus } from "../bus/bus.ts";
import { Failure } from "../protocol/failure.ts";
import { type CommandRequest, supervisorSubject } from "../protocol/instance.ts";

/** An instance that a configuration asks for. */
export interface FirstInstance {
  readonly name: string;
  readonly template: string;
  readonly params: Readonly<Record<string, string>>;
}

const withInstances = z.looseObject({
  instances: z.record(z.string(), z.record(z.string(), z.string())).default({}),
});

/**
 * Takes the field `instances` out of templates: by name, the parameters of each instance that the first start makes.
 *
 * Throws an Error that names the template whose field is not of that shape.
 */
export function takeInstances(raw: Readonly<Record<string, unknown>>) {
  const instances: FirstInstance[] = [];
  const templates = Object.entries(raw).map(([template, value]) => {
    if (typeof value !== "object" || value === null || !("instances" in value)) return [template, value];
    const parsed = withInstances.safeParse(value);
    if (!parsed.success) {
      throw new Error(
        `Template "${template}", field instances: must be {"name": {"parameter": "value"}}, a {} for none`,
      );
    }
    const { instances: named, ...rest } = parsed.data;
    for (const [name, params] of Object.entries(named)) instances.push({ name, template, params });
    return [template, rest];
  });
  return { templates: Object.fromEntries(templates) as Readonly<Record<string, unknown>>, instances };
}

/** Where instances are made, and how. */
export interface Nursery {
  readonly bus: Bus;
  readonly org: string;
  readonly node: string;
  /** Where the names of those that were made are kept: what somebody deletes later does not come back. */
  readonly directory: string;
  readonly report: (trouble: string) => void;
}

const patienceMs = 5000;

/** Makes and starts each instance that was never made in this directory. */
export async function makeFirst(nursery: Nursery, instances: readonly FirstInstance[]): Promise<void> {
  const { directory, report } = nursery;
  const file = join(directory, "made.json");
  const made = new Set(namesIn(file));
  for (const one of instances.filter(({ name }) => !made.has(name))) {
    try {
      await make(nursery, one);
      made.add(one.name);
    } catch (thrown) {
      report(`Instance ${one.name} was not made: ${Failure.from(thrown).message}`);
    }
  }
  if (instances.length === 0) return;
  mkdirSync(directory, { recursive: true });
  writeFileSync(file, JSON.stringify([...made]));
}

async function make(nursery: Nursery, { name, template, params }: FirstInstance): Promise<void> {
  try {
    await command(nursery, { command: "create", name, template, params });
  } catch (thrown) {
    // Its maker was ended before it could write down that it was made.
    if (Failure.from(thrown).code !== "conflict") throw thrown;
  }
  await command(nursery, { command: "start", name }).catch((thrown: unknown) => {
    if (Failure.from(thrown).code !== "conflict") throw thrown;
  });
}

async function command({ bus, org, node }: Nursery, request: CommandRequest): Promise<void> {
  const body = new TextEncoder().encode(JSON.stringify(request));
  await bus.request(supervisorSubject(org, node), body, patienceMs);
}

function namesIn(file: string): readonly string[] {
  try {
    return z.array(z.string()).parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return [];
  }
}
