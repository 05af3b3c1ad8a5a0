import { z } from "zod";
import { ask, askFor, instancePath, Refused } from "./ask.ts";
import { Explained } from "./explained.ts";
import type { Gateway } from "./gateway.ts";
import { print } from "./listen.ts";
import { inColour, type Row, row } from "./row.ts";
import { harmless } from "./table.ts";

/** Where a command leads: what it ends in, and what lies on the way. */
export interface Goal {
  readonly command: "start" | "stop" | "restart";
  readonly done: readonly string[];
  readonly via: readonly string[];
}

export const goals = {
  up: { command: "start", done: ["running"], via: ["starting"] },
  down: { command: "stop", done: ["stopped", "failed"], via: ["stopping"] },
  restart: { command: "restart", done: ["running"], via: ["stopping", "starting"] },
} as const satisfies Record<string, Goal>;

const lookEveryMs = 100;

/** Gives a command, and says each state on the way until the goal is reached. Throws Explained that says why it is not. */
export async function reach(gateway: Gateway, name: string, goal: Goal): Promise<void> {
  let found = await command(gateway, name, goal);
  await tell(found);
  while (!goal.done.includes(found.status)) {
    if (!goal.via.includes(found.status)) throw new Explained(astray(found, goal));
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    const { status } = found;
    found = await askFor(row, ask(gateway, instancePath(name)));
    if (found.status !== status) await tell(found);
  }
}

/** Gives a command; an instance that is there or on its way already is as good as one that sets out now. */
export async function command(gateway: Gateway, name: string, goal: Goal): Promise<Row> {
  try {
    return await askFor(row, ask(gateway, instancePath(name, goal.command), { method: "POST" }));
  } catch (thrown) {
    if (!(thrown instanceof Refused && thrown.code === "conflict") || goal.command === "restart") throw thrown;
    const found = await askFor(owned, ask(gateway, instancePath(name))).catch(() => undefined);
    const isOnItsWay = found && [...goal.done, ...goal.via].includes(found.status) && found.archived_at === null;
    if (!isOnItsWay) throw thrown;
    return found;
  }
}

/** One that no node runs obeys nobody, whatever its status is. */
const owned = row.extend({ node: z.string() });

/** Says what state an instance is in, as one line. */
export async function tell({ name, status, port, pid, archived_at }: Row): Promise<void> {
  const shown = archived_at === null ? status : "archived";
  const details = [port !== null && `port ${port}`, pid !== null && `pid ${pid}`].filter(Boolean).join(", ");
  await print(`${harmless(name)} ${inColour(shown)}${details && ` (${details})`}`);
}

function astray({ name, status, exit_code, restarts = 0, node }: Row, { command }: Goal): string {
  const end = exit_code == null ? "without an exit code" : `with exit code ${exit_code}`;
  const often = restarts === 0 ? "" : ` after ${restarts} ${restarts === 1 ? "restart" : "restarts"}`;
  const look = `skein logs ${name} shows what it said`;
  if (status === "failed") return `${name} has failed${often}: its program ended ${end}; ${look}`;
  if (status === "stopped") return `${name} ended ${end} before it was running; ${look}`;
  if (status === "unknown") return `${name} is in an unknown state: its node ${node} is away; start Skein there again`;
  return `${name} is ${status}: somebody else was faster; ${command} it again if you still want to`;
}
