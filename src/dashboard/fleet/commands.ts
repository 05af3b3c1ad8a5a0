import type { Instance } from "../../client/index.ts";
import type { InstanceStatus } from "../../protocol/instance.ts";
import { post, remove } from "../api.ts";
import type { Question } from "../parts/Confirm.svelte";
import type { Who } from "../session.svelte.ts";

/** What may be done with an instance from its row. `forget` deletes the record of one whose node is away. */
export type CommandName = "start" | "stop" | "restart" | "archive" | "unarchive" | "clone" | "delete" | "forget";

interface Command {
  readonly label: string;
  /** What is said when the node has taken it on; `clone` says it in its own dialog. */
  readonly done: string;
  /** Asked before it is done, when it hurts. */
  readonly asks?: Omit<Question, "title">;
}

/** Those with a button of their own in the row; the others are in its menu. */
export const atHand: ReadonlySet<CommandName> = new Set(["start", "stop", "unarchive"]);

/** Every command as people read it. */
export const commands: Readonly<Record<CommandName, Command>> = {
  start: { label: "Start", done: "starts" },
  stop: {
    label: "Stop",
    done: "stops",
    asks: { text: "What it is doing ends. It can be started again.", action: "Stop" },
  },
  restart: {
    label: "Restart",
    done: "starts anew",
    asks: { text: "What it is doing ends, and it starts from the beginning.", action: "Restart" },
  },
  archive: {
    label: "Archive",
    done: "is archived",
    asks: {
      text: "It leaves the table and cannot be started until it is unarchived. Nothing is lost.",
      action: "Archive",
    },
  },
  unarchive: { label: "Unarchive", done: "is back" },
  clone: { label: "Clone…", done: "is cloned" },
  delete: {
    label: "Delete",
    done: "is deleted",
    asks: {
      text: "Its record goes for good, and those who follow its log are cut off. This cannot be undone.",
      action: "Delete",
    },
  },
  forget: {
    label: "Forget",
    done: "is forgotten",
    asks: {
      text: "Its node is away. The record goes for good; what still runs on that node is not stopped. This cannot be undone.",
      action: "Forget",
    },
  },
};

/** What means something in which state. */
const meaningful: Readonly<Record<InstanceStatus | "archived", readonly CommandName[]>> = {
  stopped: ["start", "archive", "clone", "delete"],
  starting: ["stop", "clone"],
  running: ["stop", "restart", "clone"],
  stopping: ["clone"],
  failed: ["start", "archive", "clone", "delete"],
  archived: ["unarchive", "clone", "delete"],
  unknown: ["clone", "forget"],
};

const asKnown: ReadonlyMap<string, readonly CommandName[]> = new Map(Object.entries(meaningful));

/** What that principal may do with an instance now: nothing with one that Skein does not run. */
export function commandsFor(row: Instance, { roles }: Who): readonly CommandName[] {
  const isOurs = typeof row.node === "string" && typeof row.template === "string";
  if (!isOurs || !roles.includes("operator")) return [];
  return asKnown.get(row.archived_at === null ? row.status : "archived") ?? [];
}

/** Has a command carried out. Throws ApiError with the sentence of the gateway. */
export function give(command: Exclude<CommandName, "clone">, name: string): Promise<unknown> {
  const path = `api/instances/${encodeURIComponent(name)}`;
  if (command === "delete") return remove(path);
  if (command === "forget") return remove(`${path}?force=true`);
  return post(`${path}/${command}`);
}
