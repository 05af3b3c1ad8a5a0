import type { Scope } from "../auth/principal.ts";
import { parseCursor } from "../protocol/cursor.ts";
import { Failure } from "../protocol/failure.ts";
import { Frame } from "../protocol/frame.ts";
import { echoed } from "../protocol/limits.ts";
import type { ClientMessage } from "../protocol/message.ts";
import { reaches } from "../stream/access.ts";
import type { Change, SourcedDefinition, TableDefinition } from "../stream/define.ts";
import { issueText } from "../stream/query.ts";
import type { Entry } from "./ring.ts";

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

/** Whether a view shows everything that its channel has. */
export function isUnfiltered({ query, scope }: View): boolean {
  return scope === undefined && Object.keys(query as object).length === 0;
}

/** A view with the query that a client's message asks for. Throws `invalid_message`. */
export function changedView({ messages }: SourcedDefinition, { query, scope }: View, message: ClientMessage): View {
  const known = Object.hasOwn(messages, message.type) && messages[message.type];
  if (!known) throw new Failure("invalid_message", `Message type "${echoed(message.type)}" is not known here`);
  const fields = known.fields.safeParse(message);
  if (!fields.success) throw new Failure("invalid_message", `Message field ${issueText(fields.error)}`);
  return { query: known.change(query, fields.data), scope };
}

/** The frames of entries that clients with this view are sent. */
export function framesFor(definition: SourcedDefinition, entries: readonly Entry[], view: View): Frame[] {
  const frames: Frame[] = [];
  for (const entry of entries) {
    const { item, frame } = entry;
    const change = definition.kind === "table" && view.scope && item ? (item as Change<unknown>) : undefined;
    const seen = change && within(definition, change, view);
    if (definition.kind === "table" && change && seen !== change)
      frames.push(...crossing(definition, { entry, seen, view }));
    else if (shows(definition, item, view)) frames.push(frame);
  }
  return frames;
}

/** Whether an item of a channel, a change, an event or a step, is sent to clients with this view. */
export function shows(definition: SourcedDefinition, item: unknown, { query, scope }: View): boolean {
  // What is no item of the stream's is said to everybody.
  if (definition.kind === "log" || item === undefined) return true;
  // Each channel holds items of its own definition only, so the pair below always fits.
  const { shows: isWanted } = definition as { shows(item: unknown, query: unknown): boolean };
  // A change was looked at before: it is all within the scope.
  return isWanted(item, query) && (definition.kind === "table" || reaches(definition.access.names, scope, item));
}

/** A change as somebody sees it who sees only what is within a scope: the same one when that is all of it. */
function within({ access }: SourcedDefinition, change: Change<unknown>, { scope }: View): Change<unknown> | undefined {
  const seen = (row: unknown) => (row !== undefined && reaches(access.names, scope, row) ? row : undefined);
  const [before, after] = [seen(change.before), seen(change.after)];
  if (before === change.before && after === change.after) return change;
  return before === undefined && after === undefined ? undefined : { ...change, before, after };
}

/** What is told of a row that comes into a scope or leaves it: that it is there, or that it is gone. */
function crossing(definition: TableDefinition, { entry, seen, view }: Crossing): Frame[] {
  // Of several frames of one change, the last one stands for all.
  if (seen === undefined || entry.part !== 0 || !definition.shows(seen, view.query)) return [];
  const place = entry.frame.cursor === undefined ? undefined : parseCursor(entry.frame.cursor);
  const bodies = definition.deltas(seen);
  return bodies.map((body, i) => new Frame(body, i === bodies.length - 1 ? place : undefined));
}

interface Crossing {
  readonly entry: Entry;
  readonly seen: Change<unknown> | undefined;
  readonly view: View;
}

/** The rows that a view may see. */
export function rowsFor({ access }: TableDefinition, rows: readonly unknown[], { scope }: View): readonly unknown[] {
  return scope === undefined ? rows : rows.filter((row) => reaches(access.names, scope, row));
}
