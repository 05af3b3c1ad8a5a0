import { z } from "zod";
import { type Definition, defineFeed, defineTable, type SourcedDefinition } from "../../src/stream/define.ts";
import { whole } from "../../src/stream/query.ts";
import { withRooms } from "../../src/stream/rooms.ts";
import { productStreams } from "../../src/streams/all.ts";

const hourMs = 60 * 60_000;

/** A feed of somebody else's that needs a token in every mode, and whose events name a crew. */
export const plans = defineFeed({
  path: "plans/:plan_id",
  description: "A plan, step by step",
  subject: "plans.:plan_id",
  access: { role: "viewer", needsToken: true, names: { crews: ["crew_id"] } },
  rejectedBody: "hidden",
  query: z.strictObject({ recent: whole(50, [0, 100]) }),
  event: z.looseObject({ plan_id: z.string(), crew_id: z.string().optional(), timestamp: z.string() }),
  keepMs: hourMs,
  messages: {},
  past: {
    kind: "recent",
    most: 100,
    count: ({ recent }) => recent,
    snapshot: (events) => [{ type: "snapshot", steps: events }],
  },
  frame: (found) => ({ type: "step", ...found }),
  shows: () => true,
  ends: () => false,
});

/** A table of somebody else's whose rows have two names, a crew's and an instance's. */
export const desks = defineTable({
  path: "desks/:crew_id",
  description: "Who of a crew sits where",
  subject: "desks.:crew_id.:name",
  access: { role: "viewer", needsToken: false, names: { crews: ["crew_id"], instances: ["name"] } },
  rejectedBody: "hidden",
  query: z.strictObject({}),
  record: z.looseObject({ crew_id: z.string(), name: z.string() }),
  messages: {},
  snapshot: (rows) => [{ type: "snapshot", desks: rows }],
  deltas: ({ before, after, timestamp }) =>
    after ? [{ type: "desk_set", ...after, timestamp }] : [{ type: "desk_cleared", name: before?.name, timestamp }],
  shows: () => true,
});

/** A table whose rows say of which crew they are, and may go from one to another. */
export const racks = defineTable({
  path: "racks",
  description: "Which crew has which rack",
  subject: "racks.:name",
  access: { role: "viewer", needsToken: false, names: { crews: ["crew_id"] } },
  rejectedBody: "hidden",
  query: z.strictObject({}),
  record: z.looseObject({ name: z.string(), crew_id: z.string(), note: z.string() }),
  messages: {},
  snapshot: (rows) => [{ type: "snapshot", racks: rows }],
  deltas: ({ before, after, timestamp }) => {
    if (after === undefined) return [{ type: "rack_removed", name: before?.name, timestamp }];
    if (before === undefined) return [{ type: "rack_added", ...after, timestamp }];
    return [{ type: "rack_changed", name: after.name, crew_id: after.crew_id, timestamp }];
  },
  shows: () => true,
});

/** What the gateways of these tests serve. */
export const served: readonly Definition[] = withRooms([...productStreams, plans, desks]);

/** The streams that have something of their own: all but those with rooms, which show what is in the streams of the rooms. */
export const streams: readonly SourcedDefinition[] = served.filter((stream) => stream.kind !== "rooms");

/** The streams that tests have a model of. */
export const modelled = streams.filter(({ store }) =>
  ["instances", "messages", "runs", "plans", "desks"].includes(store),
);

/** What must be asked of a stream so that it shows what was before. */
export function queryOf({ query }: SourcedDefinition): Readonly<Record<string, string>> {
  return "recent" in query.shape ? { recent: "50" } : {};
}

/** A subject of a stream with the first of the words that a name may stand for: `attacks.:id`. */
export function firstOf(subject: string): string {
  return subject.replaceAll(/:\w+\((\w+)[^)]*\)/g, "$1");
}

/** Whether things of a stream name no crew and no instance: then allow-lists hide nothing of it. */
export function isNameless({ access }: SourcedDefinition): boolean {
  return Object.keys(access.names).length === 0;
}

/** Whose things have which names: the same in every org. */
const names: Readonly<Record<string, string>> = {
  name: "shared",
  run_id: "shared",
  plan_id: "shared",
  crew_id: "c1",
  instance_id: "shared",
};

/** The address of a stream where every org has something. Throws when a stream has a name that the tests do not know. */
export function addressOf({ path, pathPattern }: Definition, others: Readonly<Record<string, string>> = {}): string {
  const known = (name: string) => {
    const value = others[name] ?? names[name];
    if (value === undefined) throw new Error(`Stream ${path}: say in these tests what ":${name}" may be`);
    return encodeURIComponent(value);
  };
  return pathPattern.fill(known).join("/");
}

/** The address of a stream, with what must be asked so that it shows what was before. */
export function placeOf(stream: SourcedDefinition): string {
  return `${addressOf(stream)}?${new URLSearchParams(queryOf(stream))}`;
}
