import { layout as dagre, Graph } from "@dagrejs/dagre";
import { type Activity, type Agent, type AgentState, agentKey, type Call, stateOf } from "./activity.ts";

/** A box of the picture, in pixels from its top left corner. */
interface Box {
  readonly id: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** What stands in the picture. */
export type Shown =
  | { readonly kind: "crew"; readonly crew: string }
  | { readonly kind: "agent"; readonly agent: Agent; readonly state: AgentState }
  | { readonly kind: "tool"; readonly call: Call };

export type GraphNode = Box & { readonly shown: Shown };

/** A line from a crew to its agent, or from an agent to a tool that it uses. */
export interface GraphEdge {
  readonly id: string;
  /** An SVG path. */
  readonly path: string;
  readonly isTool: boolean;
}

/** Crews, agents and the tools in use, from left to right. */
export interface GraphPicture {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  /** How many agents are left out. */
  readonly leftOut: number;
}

const sizes = {
  crew: { width: 140, height: 44 },
  agent: { width: 176, height: 58 },
  tool: { width: 216, height: 64 },
} as const;

const margin = 16;

/** How many agents are drawn: those that type, then those that were heard last. */
const mostAgents = 80;

interface Link {
  readonly from: string;
  readonly to: string;
}

interface Size {
  readonly id: string;
  readonly width: number;
  readonly height: number;
}

/** Finds a place for each box. */
export type Arrange = (sizes: readonly Size[], links: readonly Link[]) => readonly Box[];

/** Lays out what is heard of one crew, or of all. The same activity always gives the same picture. */
export function picture(
  activity: Activity,
  { crew, nowMs }: { readonly crew: string | undefined; readonly nowMs: number },
  arrange: Arrange = inLayers,
): GraphPicture {
  const { shown, leftOut } = shownOf(activity, crew, nowMs);
  const links = linksOf(shown);
  const boxes = arrange(
    [...shown].map(([id, { kind }]) => ({ id, ...sizes[kind] })),
    links,
  );
  const nodes = boxes.flatMap((box) => {
    const one = shown.get(box.id);
    return one ? [{ ...box, shown: one }] : [];
  });
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const edges = links.flatMap((link) => edgeOf(byId, link));
  const width = Math.max(0, ...nodes.map(({ x, width }) => x + width)) + margin;
  const height = Math.max(0, ...nodes.map(({ y, height }) => y + height)) + margin;
  return { width, height, nodes, edges, leftOut };
}

/** Remembers the last arrangement: most of what happens to a graph moves nothing in it, and arranging takes its time. */
export function remembering(arrange: Arrange = inLayers): Arrange {
  let last: { readonly key: string; readonly boxes: readonly Box[] } | undefined;
  return (all, links) => {
    const key = JSON.stringify([all, links]);
    if (last?.key !== key) last = { key, boxes: arrange(all, links) };
    return last.boxes;
  };
}

/** Layered drawing (Sugiyama), from left to right. */
function inLayers(all: readonly Size[], links: readonly Link[]): Box[] {
  const graph = new Graph();
  graph.setGraph({ rankdir: "LR", nodesep: 18, ranksep: 64, marginx: margin, marginy: margin });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id, width, height } of all) graph.setNode(id, { width, height });
  for (const { from, to } of links) graph.setEdge(from, to);
  dagre(graph);
  return all.map(({ id, width, height }) => {
    const { x = 0, y = 0 } = graph.node(id);
    return { id, x: Math.round(x - width / 2), y: Math.round(y - height / 2), width, height };
  });
}

/** Sorted by name and not by when they were heard, so that boxes keep their places. */
function shownOf({ calls, agents }: Activity, crew: string | undefined, nowMs: number): Chosen {
  const mine = [...agents.values()].filter((agent) => crew === undefined || agent.crew === crew);
  const states = new Map(mine.map((agent) => [agent.key, stateOf(agent, calls, nowMs)]));
  const latest = mine.toReversed().sort((a, b) => isBusy(states.get(b.key)) - isBusy(states.get(a.key)));
  const chosen = latest.slice(0, mostAgents);
  chosen.sort((a, b) => compare(a.crew, b.crew) || compare(a.name ?? "", b.name ?? ""));
  const crews = [...new Set(chosen.map((agent) => agent.crew))];
  const keys = new Set(chosen.map(({ key }) => key));
  const tools = [...calls.values()].filter(({ start }) => keys.has(agentKey(start)));
  const shown = new Map<string, Shown>([
    ...crews.map((name) => [`crew ${name}`, { kind: "crew", crew: name }] as const),
    ...chosen.map((agent) => {
      const state = states.get(agent.key) ?? "idle";
      return [`agent ${agent.key}`, { kind: "agent", agent, state }] as const;
    }),
    ...tools.map((call) => [`tool ${call.key}`, { kind: "tool", call }] as const),
  ]);
  return { shown, leftOut: mine.length - chosen.length };
}

interface Chosen {
  readonly shown: ReadonlyMap<string, Shown>;
  readonly leftOut: number;
}

function isBusy(state: AgentState | undefined): number {
  return state === "typing" ? 1 : 0;
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function linksOf(shown: ReadonlyMap<string, Shown>): Link[] {
  return [...shown].flatMap(([id, one]): Link[] => {
    if (one.kind === "agent") return [{ from: `crew ${one.agent.crew}`, to: id }];
    if (one.kind === "tool") return [{ from: `agent ${agentKey(one.call.start)}`, to: id }];
    return [];
  });
}

/** A curve from the right side of a box to the left side of another. */
function edgeOf(boxes: ReadonlyMap<string, GraphNode>, { from, to }: Link): GraphEdge[] {
  const [a, b] = [boxes.get(from), boxes.get(to)];
  if (a === undefined || b === undefined) return [];
  const [x1, y1] = [a.x + a.width, a.y + a.height / 2];
  const [x2, y2] = [b.x, b.y + b.height / 2];
  const bend = (x2 - x1) / 2;
  const path = `M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
  return [{ id: `${from} → ${to}`, path, isTool: b.shown.kind === "tool" }];
}
