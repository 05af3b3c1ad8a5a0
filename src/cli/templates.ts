import pc from "picocolors";
import { z } from "zod";
import { ask, askFor } from "./ask.ts";
import type { Gateway } from "./gateway.ts";
import { print } from "./listen.ts";
import { type Column, lineWidth, tableLines } from "./table.ts";

const offers = z.object({
  templates: z.array(
    z.object({
      name: z.string(),
      description: z.string(),
      params: z.record(z.string(), z.string().nullable()),
      nodes: z.array(z.string()),
    }),
  ),
});

type Offer = z.infer<typeof offers>["templates"][number];

export interface TemplatesOptions {
  readonly gateway: Gateway;
  readonly json?: boolean;
}

const columns: readonly Column<Offer>[] = [
  { title: "TEMPLATE", of: ({ name }) => name },
  { title: "NODES", of: ({ nodes }) => nodes.join(", ") },
  { title: "PARAMETERS", of: ({ params }) => Object.entries(params).map(paramText).join(", ") },
  { title: "DESCRIPTION", of: ({ description }) => description },
];

/** Shows what instances can be made of. */
export async function templates({ gateway, json }: TemplatesOptions): Promise<void> {
  const { templates: found } = await askFor(offers, ask(gateway, "/api/templates"));
  if (json) return print(JSON.stringify(found, null, 2));
  if (found.length === 0) {
    process.stderr.write("No node offers a template; name some in the configuration of a node: docs/operating.md\n");
    return;
  }
  const [titles = "", ...lines] = tableLines(columns, found, lineWidth());
  for (const line of [pc.bold(titles), ...lines]) await print(line);
}

/** `greeting=hello`, and `home` when it has to be given. */
function paramText([name, byDefault]: [string, string | null]): string {
  return byDefault === null ? name : `${name}=${byDefault}`;
}
