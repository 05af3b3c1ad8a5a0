import type { Batch } from "../protocol/batch.ts";
import { type Cursor, formatCursor } from "../protocol/cursor.ts";
import { Frame, type FrameBody } from "../protocol/frame.ts";
import type { Page, PageSize } from "./pages.ts";
import type { Entry } from "./ring.ts";
import { objectText, snapshotText } from "./snapshot-text.ts";
import type { View } from "./view.ts";

/** Why a client gets a fresh snapshot; absent on a first connect. */
export type Reason = "filter" | "lagged" | "expired" | "resync";

/** How a session begins. */
export interface Opening {
  /** Whether the client goes on from its cursor; otherwise it gets a snapshot. */
  readonly resumed: boolean;
  /** The first frames, the greeting before all. */
  readonly frames: readonly Frame[];
  /** The same frames in portions. */
  readonly batches: readonly Batch[];
  /** The position after which the past is to be read page by page; undefined when the first frames are all of it. */
  readonly from: number | undefined;
  /** The count of the first entry that comes live; means nothing while there are pages to read. */
  readonly next: number;
  /** Whether nothing will ever follow. */
  readonly over: boolean;
}

/** How large the frames of an opening are, in UTF-16 code units. */
export function openingSize({ frames }: Pick<Opening, "frames">): number {
  let size = 0;
  for (const { json } of frames) size += json.length;
  return size;
}

/** What a channel knows of before: how a newcomer begins. One for tables, one for feeds. */
export interface Past {
  /** Settles when a newcomer can be told the truth. Throws `bus_away` when nobody knows. */
  ready(): Promise<void>;
  /** Waits until this process has read as far as the cursor; false when it never will. Throws `bus_away`. */
  reach(cursor: Cursor): Promise<boolean>;
  /** What a client that comes back has missed, or undefined when some of it is gone. */
  after(cursor: Cursor, view: View): Promise<Missed | undefined>;
  /** A snapshot as of now, or undefined when what was now is gone already: look again. */
  snapshot(view: View, reason: Reason | undefined): Promise<Snapshot | undefined>;
  /** The place that a client has reached who is told everything so far. */
  here(): Cursor;
  /** The page after a position, up to where the ring begins; undefined when some of it is gone. Throws `bus_away`. */
  page(position: number, size?: PageSize): Promise<Page | undefined>;
}

/** The first frames of a client without a cursor, and the position after which pages follow, if any do. */
export interface Snapshot {
  readonly frames: readonly Frame[];
  readonly from?: number;
}

/** What a client has missed: entries in memory, or a number of frames that are to be read page by page. */
export type Missed = { readonly entries: readonly Entry[] } | { readonly count: number };

/**
 * The frames of a snapshot: the reason in the one that is called so, the place where the client stands in the last.
 *
 * A snapshot that is too large is cut, and says `truncated`, how many items are left out.
 */
export async function greetingOf(
  bodies: readonly FrameBody[],
  reason: Reason | undefined,
  here: Cursor | undefined,
): Promise<Frame[]> {
  const found = bodies.findIndex(({ type }) => type === "snapshot");
  const at = Math.max(0, found);
  const greeting = bodies[at];
  if (greeting === undefined) return [];
  const { fields, following, truncated } = await snapshotText(greeting, bodies.slice(at + 1));
  const told = new Map(fields);
  if (reason !== undefined) told.set("reason", [JSON.stringify(reason)]);
  if (truncated > 0) told.set("truncated", [String(truncated)]);
  if (here && following.length === 0) told.set("cursor", [JSON.stringify(formatCursor(here))]);
  const last = following.at(-1);
  return [
    ...bodies.slice(0, at).map((body) => new Frame(body)),
    new Frame(objectText(told), last === undefined ? here : undefined),
    ...following.slice(0, -1).map((text) => new Frame(text)),
    ...(last === undefined ? [] : [new Frame(withCursor(last, here), here)]),
  ];
}

/** The text of a frame with the place where its reader stands. */
function withCursor(json: string, here: Cursor | undefined): string {
  return here ? `${json.slice(0, -1)},"cursor":${JSON.stringify(formatCursor(here))}}` : json;
}

/** For a past that is all in memory: there are no pages. */
export async function noPage(): Promise<undefined> {
  return undefined;
}

/** The past of a channel, read from its store: its newest entries. */
export interface Loaded {
  readonly entries: readonly Entry[];
  /** Every entry after this position is among them, or was never there. */
  readonly floor: number;
  /** How far was read: what came live up to there is among the entries. */
  readonly upTo: number;
}
