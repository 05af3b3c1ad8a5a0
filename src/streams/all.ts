import { ownTemplates, type Templates } from "../fragments/templates.ts";
import type { Definition } from "../stream/define.ts";
import { graph } from "./graph.ts";
import { instances } from "./instances.ts";
import { live } from "./live.ts";
import { logs } from "./logs.ts";
import { messages } from "./messages.ts";
import { mission } from "./mission.ts";
import { runs } from "./runs.ts";
import { swarm } from "./swarm.ts";
import { tasks } from "./tasks.ts";

/** The streams of the product, with fragments made by templates. */
export function streamsWith(templates: Templates): readonly Definition[] {
  return [instances, logs, messages, runs, mission, graph, ...live(templates), tasks, swarm];
}

/** The streams of the product. */
export const productStreams: readonly Definition[] = streamsWith(ownTemplates);
