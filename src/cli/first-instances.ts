import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { z } from "zod";
import type { Bus } from "../bus/bus.ts";
import { Failure } from "../protocol/failure.ts";
import { type CommandRequest, supervisorSubject } from "../protocol/instance.ts";
import { messageOf } from "./explained.ts";

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
  /** Ends the waiting for a bus that is away. */
  readonly signal: AbortSignal;
}

const patienceMs = 5000;
const retryMs = 1000;

/** Makes and starts each instance that was never made in this directory; while the bus is away it waits. */
export async function makeFirst(nursery: Nursery, instances: readonly FirstInstance[]): Promise<void> {
  const { directory, report, signal } = nursery;
  const file = join(directory, "made.json");
  const made = new Set(namesIn(file));
  mkdirSync(directory, { recursive: true });
  for (const one of instances.filter(({ name }) => !made.has(name))) {
    try {
      await make(nursery, one);
      writeFileSync(file, JSON.stringify([...made.add(one.name)]));
    } catch (thrown) {
      if (signal.aborted) return;
      report(`Instance ${one.name} was not made: ${messageOf(thrown)}`);
    }
  }
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

async function command({ bus, org, node, signal }: Nursery, request: CommandRequest): Promise<void> {
  const body = new TextEncoder().encode(JSON.stringify(request));
  for (;;) {
    try {
      await bus.request(supervisorSubject(org, node), body, patienceMs);
      return;
    } catch (thrown) {
      // The node takes commands as soon as the bus is there.
      if (signal.aborted || !["no_responder", "bus_away"].includes(Failure.from(thrown).code)) throw thrown;
    }
    // It rejects when the signal aborts, which is looked at next.
    await setTimeout(retryMs, undefined, { signal }).catch(() => {});
  }
}

function namesIn(file: string): readonly string[] {
  try {
    return z.array(z.string()).parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return [];
  }
}
