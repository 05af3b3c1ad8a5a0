import { z } from "zod";
import type { FrameBody } from "../protocol/frame.ts";
import { type Change, defineTable } from "../stream/define.ts";
import { identifier } from "../stream/texts.ts";

const record = z.looseObject({ entity: z.enum(["agents", "tasks"]), id: identifier, status: identifier.min(1) });

/** An agent or a task of a swarm. */
export type Member = z.infer<typeof record>;

/** A swarm, for a dashboard. */
export const swarm = defineTable({
  path: "swarm",
  description: "A swarm: the status of every agent and every task, then each change",
  subject: "swarm.:entity(agents|tasks).:id",
  access: { role: "viewer", needsToken: false, names: {} },
  rejectedBody: "shown",
  query: z.strictObject({}),
  record,
  messages: {},
  snapshot: (rows) => [
    { type: "connected", data: "Connected to Skein" },
    { type: "snapshot", agents: all(rows, "agents"), tasks: all(rows, "tasks") },
  ],
  deltas,
  shows: () => true,
});

function all(rows: readonly Member[], wanted: Member["entity"]): object[] {
  return rows.filter(({ entity }) => entity === wanted).map(shown);
}

/** What is deleted has no status any more. */
function deltas({ before, after, timestamp }: Change<Member>): FrameBody[] {
  const now = after ?? before;
  if (now === undefined || JSON.stringify(before) === JSON.stringify(after)) return [];
  const type = now.entity === "agents" ? "agent_status_changed" : "task_status_changed";
  return [{ type, ...shown(now), ...(after === undefined && { status: null }), timestamp }];
}

function shown({ entity, id, ...rest }: Member): object {
  return entity === "agents" ? { ...rest, agent_id: id } : { ...rest, task_id: id };
}
