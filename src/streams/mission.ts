import { z } from "zod";
import type { FrameBody } from "../protocol/frame.ts";
import { type Change, defineTable } from "../stream/define.ts";
import { identifier } from "../stream/texts.ts";
import { oneOf } from "./fields.ts";

/** How often the signal of every crew is said again. */
const heartbeatMs = 45_000;

/** How long a crew counts as it said last: twice the time after which it should have said it again. */
const lapseMs = 90_000;

const statuses = ["offline", "available", "busy"] as const;

const record = z.looseObject({ crew_id: identifier, status: z.enum(statuses, oneOf(statuses)) });

/** What a crew says of itself. */
export type Crew = z.infer<typeof record>;

/** Which crews are there, and which are busy. */
export const mission = defineTable({
  path: "mission",
  description: "The status of every crew: offline, available or busy; offline when nobody has heard it for 90 s",
  subject: "mission.:crew_id",
  access: { role: "viewer", needsToken: true, names: { crews: ["crew_id", "crew"] } },
  rejectedBody: "shown",
  query: z.strictObject({ crew: z.string().optional() }),
  record,
  messages: {},
  snapshot(rows, { crew }) {
    const signals = rows.filter(({ crew_id }) => crew === undefined || crew_id === crew).map(signal);
    return [{ type: "snapshot", count: signals.length }, ...signals];
  },
  deltas,
  shows: ({ before, after }, { crew }) => crew === undefined || (after ?? before)?.crew_id === crew,
  lapse: { afterMs: lapseMs, lapsed: (row) => ({ ...row, status: "offline" as const }) },
  repeat: { everyMs: heartbeatMs, frame: signal },
});

/** A crew whose row is deleted is as good as one that is never heard again. */
function deltas({ before, after }: Change<Crew>): FrameBody[] {
  const now = after ?? (before && { crew_id: before.crew_id, status: "offline" as const });
  if (now === undefined || JSON.stringify(now) === JSON.stringify(before)) return [];
  return [signal(now)];
}

function signal({ crew_id, status, ...rest }: Crew): FrameBody {
  return { type: "signal", payload: { ...rest, status, crewId: crew_id } };
}
