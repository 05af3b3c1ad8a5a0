import { Failure } from "../protocol/failure.ts";
import type { Command, InstanceRecord, InstanceStatus } from "../protocol/instance.ts";

/** What an instance can be when a command comes: nothing yet, put away, or what its status says. */
export type State = "absent" | "archived" | InstanceStatus;

export type Act = "create" | "launch" | "halt" | "cycle" | "archive" | "unarchive" | "copy" | "remove";

/** What is done about a command; `refuse` says why it is a conflict, `missing` that there is no such instance. */
export type Verdict = { readonly act: Act } | { readonly refuse: string } | { readonly missing: true };

const missing = { missing: true } as const;
const copy = { act: "copy" } as const;
const refuse = (why: string) => ({ refuse: why });
const taken = refuse("already exists; choose another name");
const notArchived = refuse("is not archived");
const starting = (what: string) => refuse(`is starting; ${what}`);
const running = (what: string) => refuse(`is running; ${what}`);
const stopping = (what: string) => refuse(`is stopping; ${what}`);
const archived = (what: string) => refuse(`is archived; ${what}`);
const unknown = refuse("is in an unknown state; its node is finding out, try again in a moment");

/** What every command means in every state. A verdict follows the name of the instance: "agent-1 is running; stop it first". */
export const transitions: Readonly<Record<State, Readonly<Record<Command, Verdict>>>> = {
  absent: {
    create: { act: "create" },
    start: missing,
    stop: missing,
    restart: missing,
    archive: missing,
    unarchive: missing,
    clone: missing,
    delete: missing,
  },
  stopped: {
    create: taken,
    start: { act: "launch" },
    stop: refuse("is stopped already"),
    restart: { act: "launch" },
    archive: { act: "archive" },
    unarchive: notArchived,
    clone: copy,
    delete: { act: "remove" },
  },
  starting: {
    create: taken,
    start: refuse("is starting already"),
    stop: { act: "halt" },
    restart: starting("wait until it runs, or stop it"),
    archive: starting("stop it first"),
    unarchive: notArchived,
    clone: copy,
    delete: starting("stop it first"),
  },
  running: {
    create: taken,
    start: refuse("is running already"),
    stop: { act: "halt" },
    restart: { act: "cycle" },
    archive: running("stop it first"),
    unarchive: notArchived,
    clone: copy,
    delete: running("stop it first"),
  },
  stopping: {
    create: taken,
    start: stopping("start it when it has stopped"),
    stop: refuse("is stopping already"),
    restart: stopping("start it when it has stopped"),
    archive: stopping("wait until it has stopped"),
    unarchive: notArchived,
    clone: copy,
    delete: stopping("wait until it has stopped"),
  },
  failed: {
    create: taken,
    start: { act: "launch" },
    stop: refuse("has failed and does not run"),
    restart: { act: "launch" },
    archive: { act: "archive" },
    unarchive: notArchived,
    clone: copy,
    delete: { act: "remove" },
  },
  archived: {
    create: taken,
    start: archived("unarchive it first"),
    stop: archived("it does not run"),
    restart: archived("unarchive it first"),
    archive: refuse("is archived already"),
    unarchive: { act: "unarchive" },
    clone: copy,
    delete: { act: "remove" },
  },
  unknown: {
    create: taken,
    start: unknown,
    stop: unknown,
    restart: unknown,
    archive: unknown,
    unarchive: unknown,
    clone: copy,
    delete: unknown,
  },
};

/** What to do about a command. Throws `conflict` or `instance_not_found` when it means nothing in this state. */
export function actOf(command: Command, name: string, record: InstanceRecord | undefined): Act {
  const verdict = transitions[stateOf(record)][command];
  if ("act" in verdict) return verdict.act;
  if ("refuse" in verdict) throw new Failure("conflict", `${name} ${verdict.refuse}`);
  throw new Failure("instance_not_found", `There is no instance "${name}" on this node`);
}

function stateOf(record: InstanceRecord | undefined): State {
  if (record === undefined) return "absent";
  return record.archived_at === null ? record.status : "archived";
}
