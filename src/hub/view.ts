import type { Scope } from "../auth/principal.ts";
import { reaches } from "../stream/access.ts";
import type { Change, Definition, TableDefinition } from "../stream/define.ts";

/** What a client sees of a channel: what it asked for, as far as its token reaches. */
export interface View {
  readonly query: unknown;
  /** Everything when undefined. */
  readonly scope: Scope | undefined;
}

/** What names a view: equal views give equal keys. */
export function viewKey({ query, scope }: View): string {
  return JSON.stringify(scope === undefined ? query : [query, scope]);
}

/** Whether an item of a channel, a change, an event or a step, is sent to clients with this view. */
export function shows(definition: Definition, item: unknown, { query, scope }: View): boolean {
  // What is no item of the stream's is said to everybody.
  if (definition.kind === "log" || item === undefined) return true;
  // Each channel holds items of its own definition only, so the pair below always fits.
  const { shows: isWanted } = definition as { shows(item: unknown, query: unknown): boolean };
  return (
    isWanted(item, query) &&
    (scope === undefined || reaches(definition.access.names, scope, subjectOf(definition, item)))
  );
}

/** The rows that a view may see. */
export function rowsFor({ access }: TableDefinition, rows: readonly unknown[], { scope }: View): readonly unknown[] {
  return scope === undefined ? rows : rows.filter((row) => reaches(access.names, scope, row));
}

/** What of an item names things: of a change the row. */
function subjectOf({ kind }: Definition, item: unknown): unknown {
  if (kind !== "table") return item;
  const { before, after } = item as Change<unknown>;
  return after ?? before;
}
