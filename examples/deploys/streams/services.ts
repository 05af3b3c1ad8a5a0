import { defineTable, z } from "../../../src/index.ts";

const service = z.looseObject({
  name: z.string(),
  version: z.string(),
  status: z.enum(["deploying", "healthy", "degraded"]),
});

/** What runs in the shop: one row for each service, in which the last word counts. */
export const services = defineTable({
  path: "services",
  description: "The services of the shop: all of them, then each change",
  subject: "services.:name",
  access: { role: "viewer", needsToken: false, names: {} },
  rejectedBody: "shown",
  query: z.strictObject({ status: z.enum(["deploying", "healthy", "degraded"]).optional() }),
  record: service,
  messages: {},
  snapshot: (rows, { status }) => [
    { type: "snapshot", services: rows.filter((row) => status === undefined || row.status === status) },
  ],
  deltas: ({ before, after, timestamp }) => {
    if (after === undefined) return [{ type: "service_removed", name: before?.name ?? "", timestamp }];
    if (JSON.stringify(before) === JSON.stringify(after)) return [];
    return [{ ...after, type: "service_changed", timestamp }];
  },
  shows: ({ before, after }, { status }) =>
    status === undefined || before?.status === status || after?.status === status,
});
