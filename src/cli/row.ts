import pc from "picocolors";
import { z } from "zod";

/** An instance as a gateway shows it; one that another service publishes has no node and no template. */
export const row = z.looseObject({
  name: z.string(),
  status: z.string(),
  port: z.number().nullable(),
  pid: z.number().nullable(),
  archived_at: z.string().nullable(),
  node: z.string().optional().catch(undefined),
  template: z.string().optional().catch(undefined),
  restarts: z.number().optional().catch(undefined),
  created_at: z.string().optional().catch(undefined),
  exit_code: z.number().nullish().catch(undefined),
});

export type Row = z.infer<typeof row>;

export const rowList = z.object({ instances: z.array(row) });

const colours: Readonly<Record<string, (text: string) => string>> = {
  running: pc.green,
  starting: pc.yellow,
  stopping: pc.yellow,
  failed: pc.red,
  unknown: pc.magenta,
};

/** A status in its colour. */
export function inColour(status: string, text: string = status): string {
  return (colours[status] ?? pc.dim)(text);
}
