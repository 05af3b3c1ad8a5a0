import type { SwarmMember } from "../../client/index.ts";
import { type Tone, toneOf } from "../tone.ts";

/** An agent or a task of a swarm, as it is shown. */
export interface Shown {
  readonly name: string;
  readonly status: string;
  readonly tone: Tone;
  /** Whatever else its publisher says of it. */
  readonly facts: readonly (readonly [string, string])[];
}

/** Those of one status. */
export interface Group {
  readonly status: string;
  readonly tone: Tone;
  readonly members: readonly Shown[];
}

/** What wants a look first. */
const order: readonly Tone[] = ["bad", "busy", "unknown", "idle", "good"];

/** Members by status: what wants a look comes first, then by name. `search` is a part of a name. */
export function groupsOf(members: ReadonlyMap<string, SwarmMember>, search: string): Group[] {
  const all = [...members].filter(([name]) => name.includes(search)).map(shownOf);
  all.sort((a, b) => (a.name < b.name ? -1 : 1));
  const groups = [...Map.groupBy(all, ({ status }) => status)].map(([status, some]) => ({
    status,
    tone: toneOf(status),
    members: some,
  }));
  return groups.sort((a, b) => order.indexOf(a.tone) - order.indexOf(b.tone) || (a.status < b.status ? -1 : 1));
}

const ownNames = new Set(["status", "agent_id", "task_id", "type", "timestamp", "cursor"]);

function shownOf([name, member]: readonly [string, SwarmMember]): Shown {
  const status = member.status ?? "gone";
  const facts = Object.entries(member)
    .filter(([field, value]) => !ownNames.has(field) && value !== null && value !== undefined)
    .map(([field, value]) => [field, typeof value === "string" ? value : JSON.stringify(value)] as const);
  return { name, status, tone: toneOf(status), facts };
}
