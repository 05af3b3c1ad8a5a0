import { defineFeed, whole, z } from "../../../src/index.ts";

const deploy = z.looseObject({
  service: z.string(),
  version: z.string(),
  phase: z.enum(["started", "finished", "failed"]),
  by: z.string().optional(),
  timestamp: z.string(),
});

/** What was brought out when, and by whom: events, kept for a week. */
export const deploys = defineFeed({
  path: "deploys",
  description: "Deploys of the shop: the newest, then each as it happens",
  subject: "deploys.:service",
  access: { role: "viewer", needsToken: false, names: {} },
  rejectedBody: "shown",
  query: z.strictObject({ service: z.string().optional(), recent: whole(20, [0, 100]) }),
  event: deploy,
  keepMs: 7 * 24 * 60 * 60 * 1000,
  messages: {},
  past: {
    kind: "recent",
    most: 100,
    count: ({ recent }) => recent,
    snapshot: (events) => [{ type: "snapshot", deploys: events }],
  },
  frame: (event) => ({ ...event, type: "deploy" }),
  shows: (event, { service }) => service === undefined || event.service === service,
  ends: () => false,
});
