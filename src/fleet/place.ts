import { Failure } from "../protocol/failure.ts";
import type { NodeInfo } from "./nodes.ts";

/**
 * The node for a new instance: of those that have its template and are there, the one with the fewest instances.
 *
 * Throws `unknown_template` when no node has the template, `node_away` when none of those that have it is there.
 */
export function choosePlace(template: string, nodes: readonly NodeInfo[], counts: ReadonlyMap<string, number>): string {
  const able = nodes.filter(({ templates }) => templates.some(({ name }) => name === template));
  const there = able.filter(({ isAway }) => !isAway);
  const [best] = there.sort((a, b) => (counts.get(a.node) ?? 0) - (counts.get(b.node) ?? 0));
  if (best) return best.node;
  const [away] = able;
  if (away) throw new Failure("node_away", `Node '${away.node}', which has template '${template}', is away`);
  const known = [...new Set(nodes.flatMap(({ templates }) => templates.map(({ name }) => name)))].sort();
  const hint = known.length > 0 ? `known are ${known.join(", ")}` : "no node offers any";
  throw new Failure("unknown_template", `No node has a template '${template}'; ${hint}`);
}
