import { z } from "zod";
import { ask, askFor, instancePath, Refused } from "./ask.ts";
import { Explained } from "./explained.ts";
import type { Gateway } from "./gateway.ts";
import { print } from "./listen.ts";
import { command, type Goal, goals, reach, tell } from "./reach.ts";
import { row, rowList } from "./row.ts";

export interface MoveOptions {
  readonly gateway: Gateway;
  /** Whether to wait until the goal is reached. */
  readonly wait: boolean;
  /** All instances of the fleet instead of those that are named. */
  readonly all?: boolean;
}

/** Brings instances up or down, side by side. Throws Explained with a sentence for each that did not get there. */
export async function move(goal: keyof typeof goals, names: readonly string[], options: MoveOptions): Promise<void> {
  const { gateway, wait, all } = options;
  if (names.length === 0 && !all) throw new Explained(`Say which instances, or --all; skein ps shows them`);
  const chosen = all ? await everyName(gateway, goals[goal]) : names;
  await forEach(chosen, async (name) => {
    if (wait) await reach(gateway, name, goals[goal]);
    else await tell(await command(gateway, name, goals[goal]));
  });
}

/** Every instance that Skein runs and that is not there yet. */
async function everyName(gateway: Gateway, { done }: Goal): Promise<string[]> {
  const { instances } = await askFor(rowList, ask(gateway, "/api/instances"));
  return instances.filter(({ node, status }) => node !== undefined && !done.includes(status)).map(({ name }) => name);
}

export interface GatewayOptions {
  readonly gateway: Gateway;
}

/** Puts instances away, or takes them back. */
export async function shelve(
  verb: "archive" | "unarchive",
  names: readonly string[],
  { gateway }: GatewayOptions,
): Promise<void> {
  await forEach(names, async (name) => {
    await tell(await askFor(row, ask(gateway, instancePath(name, verb), { method: "POST" })));
  });
}

export interface RemoveOptions extends GatewayOptions {
  readonly force?: boolean;
}

/** Deletes instances; with `force` those that run are stopped first, and of those whose node is away the rows are removed. */
export async function remove(names: readonly string[], { gateway, force }: RemoveOptions): Promise<void> {
  await forEach(names, async (name) => {
    if (force) await stopIfNeeded(gateway, name);
    await ask(gateway, `${instancePath(name)}${force ? "?force=true" : ""}`, { method: "DELETE" }).catch(advise);
    await print(`${name} deleted`);
  });
}

async function stopIfNeeded(gateway: Gateway, name: string): Promise<void> {
  const { status, node } = await askFor(row, ask(gateway, instancePath(name)));
  if (node === undefined || !["starting", "running", "stopping"].includes(status)) return;
  await reach(gateway, name, goals.down).catch((thrown: unknown) => {
    if (!(thrown instanceof Refused && thrown.code === "node_away")) throw thrown;
  });
}

function advise(thrown: unknown): never {
  if (!(thrown instanceof Refused)) throw thrown;
  if (thrown.message.includes("stop it first")) throw new Explained(`${thrown.message}, or add -f`);
  if (thrown.code === "node_away")
    throw new Explained(`${thrown.message}; -f removes its row all the same, until the node is back`);
  throw thrown;
}

export interface NewOptions extends GatewayOptions {
  readonly param?: Readonly<Record<string, string>>;
  readonly node?: string;
  readonly up?: boolean;
}

/** Makes an instance of a template, and with `up` starts it. */
export async function create(template: string, name: string, { gateway, param, node, up }: NewOptions): Promise<void> {
  const body = { name, template, params: param, node };
  await tell(await askFor(row, ask(gateway, "/api/instances", { method: "POST", body })));
  if (up) await reach(gateway, name, goals.up);
}

export interface CloneOptions extends GatewayOptions {
  readonly param?: Readonly<Record<string, string>>;
}

/** Makes an instance like another one. */
export async function clone(name: string, as: string, { gateway, param }: CloneOptions): Promise<void> {
  const body = { as, params: param };
  await tell(await askFor(row, ask(gateway, instancePath(name, "clone"), { method: "POST", body })));
}

const faults = z.array(z.instanceof(Explained));

/** Does something for each name side by side, and tells all that went wrong when everything is over. */
async function forEach(names: readonly string[], work: (name: string) => Promise<void>): Promise<void> {
  const outcomes = await Promise.allSettled([...new Set(names)].map(work));
  const reasons = outcomes.flatMap((one): unknown[] => (one.status === "rejected" ? [one.reason] : []));
  const told = faults.safeParse(reasons);
  if (!told.success) throw reasons.find((reason) => !(reason instanceof Explained));
  if (told.data.length > 0) throw new Explained([...new Set(told.data.map(({ message }) => message))].join("\n"));
}
