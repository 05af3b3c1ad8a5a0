import type { Stored } from "../bus/bus.ts";
import type { Cursor } from "../protocol/cursor.ts";
import { Failure } from "../protocol/failure.ts";
import { Frame, type FrameBody, Repetition } from "../protocol/frame.ts";
import { splitSubject } from "../protocol/subject.ts";
import { accept, isoTime } from "../stream/accept.ts";
import type { Change, FeedDefinition, SourcedDefinition, StoredDefinition, TableDefinition } from "../stream/define.ts";
import type { Params } from "../stream/path.ts";
import { namesIn, namesInOwned } from "../stream/subject.ts";
import type { Entry } from "./ring.ts";

/** Where a stored message belongs. */
export interface Address {
  readonly org: string;
  readonly names: Params;
  /** Whether it stands on the owned subject of its table. */
  readonly isOwned: boolean;
}

/** Where a stored message belongs. Throws `invalid_body` when its subject is not one that we would have written. */
export function addressOf(definition: SourcedDefinition, { subject }: Stored): Address {
  const parts = splitSubject(subject);
  const published = parts && namesIn(definition, parts.tail);
  const names = published ?? (parts && definition.kind === "table" ? namesInOwned(definition, parts.tail) : undefined);
  if (!parts || !names) throw new Failure("invalid_body", "The subject's names are not encoded as they should be");
  return { org: parts.org, names, isOwned: published === undefined };
}

/** What a stored message says. Throws `invalid_body`. */
export function itemOf(definition: StoredDefinition, { names }: Address, { data, atMs }: Stored): unknown {
  return accept(definition, { names, atMs }, data);
}

/** The entry of an event at its place. */
export function eventEntry(definition: FeedDefinition, event: unknown, place: Cursor): Entry {
  const { position, part } = place;
  return {
    frame: new Frame(definition.frame(event), place),
    position,
    part,
    item: event,
    last: definition.ends(event),
  };
}

/** The entries of a change: its frames, all but the last marked as parts of it. */
export function changeEntries(definition: TableDefinition, change: Change<unknown>, place: Cursor): Entry[] {
  const bodies = definition.deltas(change);
  const entry = (body: FrameBody, i: number): Entry => {
    const part = i === bodies.length - 1 ? 0 : i + 1;
    return { frame: new Frame(body, { ...place, part }), position: place.position, part, item: change, last: false };
  };
  return bodies.map(entry);
}

/** An entry that has no place of its own: what time alone says, after everything at `position`. */
export function timeEntry(body: FrameBody, item: unknown, position: number): Entry {
  return unplaced(new Frame(body), item, position);
}

/** The same of what has not changed. */
export function repeatEntry(body: FrameBody, item: unknown, position: number): Entry {
  return unplaced(new Repetition(body), item, position);
}

function unplaced(frame: Frame, item: unknown, position: number): Entry {
  return { frame, position, part: 0, item, last: false };
}

/** The change from one value to the next. */
export function changeOf(before: unknown, after: unknown, atMs: number): Change<unknown> {
  return { before, after, timestamp: isoTime(atMs) };
}
