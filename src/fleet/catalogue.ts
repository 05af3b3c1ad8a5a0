import type { TemplateInfo } from "../protocol/instance.ts";
import type { NodeInfo } from "./nodes.ts";

/** A template and the nodes that have it. */
export interface Offer extends TemplateInfo {
  readonly nodes: readonly string[];
}

/** The templates of nodes, by name; one that two nodes describe differently is there twice. */
export function catalogueOf(nodes: readonly NodeInfo[]): Offer[] {
  const offers = new Map<string, Offer & { readonly nodes: string[] }>();
  for (const { node, templates } of nodes) {
    for (const { name, description, params } of templates) {
      const key = JSON.stringify([name, description, Object.entries(params).sort()]);
      const known = offers.get(key) ?? { name, description, params, nodes: [] };
      known.nodes.push(node);
      offers.set(key, known);
    }
  }
  return [...offers.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
