import { z } from "zod";
import { defineLog } from "../stream/define.ts";
import { whole } from "../stream/query.ts";

/** The log of one instance, followed through every rotation. */
export const logs = defineLog({
  path: "instances/:name/logs",
  description: "The log of one instance: its newest lines, then each line as it is written",
  subject: "logs.:name",
  access: { role: "viewer", needsToken: false, names: { instances: ["name"] } },
  query: z.strictObject({ backlog: whole(100, [0, 1000]) }),
  registry: "instances.:name",
  backlog: ({ backlog }) => backlog,
});
