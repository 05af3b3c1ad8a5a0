import type { Instance } from "../../client/index.ts";
import type { Tone } from "../pulse.ts";

/** The state of a row as the table shows it: what its node says, or that it was put away. */
export function stateOf({ status, archived_at }: Instance): string {
  return archived_at === null ? status : "archived";
}

const tones: ReadonlyMap<string, Tone> = new Map([
  ["running", "good"],
  ["starting", "busy"],
  ["stopping", "busy"],
  ["failed", "bad"],
  ["stopped", "idle"],
  ["archived", "idle"],
]);

/** Services publish states of their own; those are shown as they are. */
export function toneOfState(state: string): Tone {
  return tones.get(state) ?? "unknown";
}

/** How many rows are in each state, the states in the order of the table of tones, then others by name. */
export function countStates(rows: Iterable<Instance>): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const row of rows) counts.set(stateOf(row), (counts.get(stateOf(row)) ?? 0) + 1);
  const order = [...tones.keys()];
  const place = (state: string) => (order.includes(state) ? order.indexOf(state) : order.length);
  return [...counts].sort(([a], [b]) => place(a) - place(b) || compare(a, b));
}

/** What the table can be sorted by. */
export const columns = {
  name: { title: "Name", of: ({ name }: Instance) => name },
  state: { title: "State", of: stateOf },
  node: { title: "Node", of: ({ node }: Instance) => node ?? "" },
  template: { title: "Template", of: ({ template }: Instance) => template ?? "" },
  port: { title: "Port", of: ({ port }: Instance) => port ?? -1 },
  pid: { title: "Process", of: ({ pid }: Instance) => pid ?? -1 },
  restarts: { title: "Restarts", of: ({ restarts }: Instance) => restarts ?? -1 },
  created: { title: "Made", of: ({ created_at }: Instance) => created_at ?? "" },
} as const;

export type ColumnName = keyof typeof columns;

/** What the address says of which rows are shown, and how. */
export interface Choice {
  readonly search: string;
  readonly state: string;
  readonly sort: { readonly by: ColumnName; readonly isDown: boolean };
}

/** Reads a choice from the query of the address; what is not known there counts as not said. */
export function choiceIn(query: URLSearchParams): Choice {
  const said = query.get("sort") ?? "";
  const by = said.replace(/^-/, "");
  const isKnown = (name: string): name is ColumnName => Object.hasOwn(columns, name);
  return {
    search: query.get("search") ?? "",
    state: query.get("state") ?? "",
    sort: { by: isKnown(by) ? by : "name", isDown: said.startsWith("-") },
  };
}

/** The rows that are chosen, in the order that is chosen; equal ones by name. */
export function chosenRows(rows: Iterable<Instance>, { search, state, sort }: Choice): Instance[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const { of } = columns[sort.by];
  const direction = sort.isDown ? -1 : 1;
  return [...rows]
    .filter((row) => (state === "" || stateOf(row) === state) && holds(row, words))
    .sort((a, b) => direction * compare(of(a), of(b)) || compare(a.name, b.name));
}

function holds(row: Instance, words: readonly string[]): boolean {
  if (words.length === 0) return true;
  const said = [row.name, stateOf(row), row.node, row.template, row.port, row.pid, ...Object.values(row.params ?? {})];
  const text = said.join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

/** Names end in numbers more often than not: agent-2 comes before agent-10. */
const collator = new Intl.Collator("en", { numeric: true });

function compare(a: string | number, b: string | number): number {
  return typeof a === "number" && typeof b === "number" ? a - b : collator.compare(String(a), String(b));
}
