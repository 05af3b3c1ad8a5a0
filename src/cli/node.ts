import { mkdtempSync, rmSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { z } from "zod";
import type { Bus } from "../bus/bus.ts";
import { type Config, environmentForOthers } from "../config.ts";
import type { Report } from "../protocol/background.ts";
import { systemClock } from "../protocol/clock.ts";
import { Supervisor } from "../supervisor/supervisor.ts";
import { parseTemplates } from "../supervisor/template.ts";
import { ask, askFor } from "./ask.ts";
import { Explained, explained, log, messageOf } from "./explained.ts";
import { makeFirst, takeInstances } from "./first-instances.ts";
import type { Gateway } from "./gateway.ts";
import type { OwnAccess } from "./own-access.ts";
import { goals, reach } from "./reach.ts";
import { rowList } from "./row.ts";

/** What a node keeps, and where. */
export interface Household {
  /** The directory of the supervisor. */
  readonly directory: string;
  /** The directory of the logs of instances. */
  readonly logs: string;
  readonly name: string;
  readonly templates: ReturnType<typeof parseTemplates>;
  readonly first: ReturnType<typeof takeInstances>["instances"];
  /** Whether nothing of it is to be left behind, running programs included. */
  readonly isTemporary: boolean;
  /** Removes what is temporary. */
  clear(): void;
}

/** The household of this node; undefined when the configuration has no templates. Throws Explained when one is at fault. */
export function householdOf({ templates: raw, node = hostname(), data }: Config): Household | undefined {
  if (raw === undefined) return undefined;
  const { templates, first } = judged(raw);
  const isTemporary = data === ":memory:";
  const home = isTemporary ? mkdtempSync(join(tmpdir(), "skein-node-")) : resolve(data);
  return {
    directory: join(home, "supervisor"),
    logs: join(home, "logs"),
    name: node,
    templates,
    first,
    isTemporary,
    clear: () => isTemporary && rmSync(home, { recursive: true, force: true }),
  };
}

function judged(raw: Readonly<Record<string, unknown>>) {
  try {
    const { templates, instances } = takeInstances(raw);
    return { templates: parseTemplates(templates), first: instances };
  } catch (thrown) {
    throw new Explained(messageOf(thrown));
  }
}

/** A node at work. */
export interface RunningNode {
  /** Stops every instance, for a household that leaves none behind; needs the gateway. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** Runs the instances of this node. Throws Explained when its directory or its name is in use. */
export async function runNode(
  bus: Bus,
  household: Household,
  { org, url, access, onException }: Place,
): Promise<RunningNode> {
  const { directory, logs, name, templates, first } = household;
  const gateway = reachable(url);
  const environment = { ...environmentForOthers(), SKEIN_URL: gateway };
  const told = { report: log, onException };
  const parts = { bus, org, node: name, templates, directory, logs, clock: systemClock, environment, ...told };
  const supervisor = new Supervisor(parts);
  await explained(supervisor.start());
  const ending = new AbortController();
  const home = join(directory, "..");
  const nursery = { bus, org, node: name, directory: home, report: log, signal: ending.signal };
  const making = makeFirst(nursery, first);
  if (bus.state === "up") await making;
  return {
    async settle() {
      await stopAll({ url: gateway, credential: await access?.credential() }, name).catch((thrown: unknown) =>
        log(messageOf(thrown)),
      );
    },
    async close() {
      ending.abort();
      await making;
      await supervisor.close();
      household.clear();
    },
  };
}

interface Place {
  readonly org: string;
  /** The gateway that runs beside it. */
  readonly url: string;
  /** What lets us in there; undefined where everybody may. */
  readonly access: OwnAccess | undefined;
  /** Takes an exception that no request can answer for. */
  readonly onException: Report;
}

const owned = z.object({ node: z.string() });

async function stopAll(gateway: Gateway, node: string): Promise<void> {
  const { instances } = await askFor(rowList, ask(gateway, "/api/instances"));
  const ours = instances.filter((one) => owned.safeParse(one).data?.node === node);
  const running = ours.filter(({ status }) => ["starting", "running", "stopping"].includes(status));
  await Promise.allSettled(running.map(({ name }) => reach(gateway, name, goals.down)));
}

/** An address as programs on this machine reach it. */
function reachable(url: string): string {
  return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:");
}
