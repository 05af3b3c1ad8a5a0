import { z } from "zod";
import { defineFeed } from "../stream/define.ts";
import { whole } from "../stream/query.ts";
import { freeText, identifier } from "../stream/texts.ts";

const dayMs = 24 * 60 * 60 * 1000;

/** Only what is named here passes: a payload must never enter a frame, so unknown fields are dropped. */
const event = z.object({
  message_id: identifier,
  event: z.enum(["sent", "delivered", "acknowledged", "failed"]),
  from: identifier,
  to: identifier,
  message_type: identifier,
  correlation_id: identifier.optional(),
  detail: freeText.nullable().default(null),
  timestamp: identifier,
});

/** What happened to a message. */
export type MessageEvent = z.infer<typeof event>;

const query = z.strictObject({
  instance: z.string().optional(),
  correlation_id: z.string().optional(),
  recent: whole(50, [0, 500]),
});

/** Inter-agent messages, metadata only. */
export const messages = defineFeed({
  path: "messages",
  description: "Messages between agents as they are sent, delivered, acknowledged or failed; never their payload",
  subject: "messages.:message_id",
  access: { role: "viewer", needsToken: false, names: { instances: ["from", "to", "instance"] } },
  rejectedBody: "hidden",
  query,
  event,
  keepMs: dayMs,
  messages: {},
  past: {
    kind: "recent",
    most: 500,
    count: ({ recent }) => recent,
    snapshot: (events) => [{ type: "snapshot", recent_events: events }],
  },
  frame: (found) => ({ type: "message_event", ...found }),
  shows,
  ends: () => false,
});

function shows({ from, to, correlation_id }: MessageEvent, filter: z.infer<typeof query>): boolean {
  if (filter.instance !== undefined && from !== filter.instance && to !== filter.instance) return false;
  return filter.correlation_id === undefined || correlation_id === filter.correlation_id;
}
