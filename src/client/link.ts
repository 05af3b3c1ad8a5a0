import type { AnyFrame } from "./frame.ts";
import type { Status, StreamStatus } from "./skein.ts";

/** What a client says to a stream. */
export interface Message {
  readonly type: string;
  readonly [field: string]: unknown;
}

/**
 * Who hears what a link brings.
 *
 * Every call is made in a turn of its own, never from within a call of the link's own methods, but for `phase` and
 * `status`, which may come at once.
 */
export interface Ear {
  /**
   * A frame of a stream that is followed: in order, none left out and none twice, over any number of reconnects.
   *
   * Frames of the protocol's own (`error` with a `code`, `unsubscribed`, `pong`) never come here; see `phase`.
   */
  frame(name: string, frame: AnyFrame): void;
  /** How a stream is doing; said at each change. One that was just followed is `loading`, and that is not said. */
  phase(name: string, status: StreamStatus): void;
  /** How the connection is doing; said at each change. It begins as `idle`, and that is not said. */
  status(status: Status): void;
  /** What a stream has come to here, for somebody else who follows it; `undefined` before its first frame. */
  stateOf(name: string): unknown;
  /** Goes on from what a stream has come to elsewhere, as if a snapshot had come. */
  adopt(name: string, state: unknown): void;
}

/**
 * What brings streams to an `Ear`: a connection of its own (`Connection`), or a share in that of another tab.
 *
 * It connects while at least one stream is followed, reconnects by itself, and keeps the cursor of every stream. It never
 * throws.
 */
export interface Link {
  /**
   * Follows a stream, from where a cursor says or from the beginning. The first frame is a snapshot (or whatever stands
   * for one) or `resumed`. A name that is followed already is followed anew: its next frame is a first one again.
   */
  follow(name: string, since: string | undefined): void;
  /** Follows it no more. Nothing of it is heard after this call. */
  leave(name: string): void;
  /** Says something to a stream that is followed. Settles when it was handed over; rejects with an Error when it cannot be. */
  send(name: string, message: Message): Promise<void>;
  /** Ends everything; nothing is heard after this call but the status `closed`, which comes at once. */
  close(): void;
}

/** Opens a link; it is idle until a stream is followed. */
export type OpenLink = (ear: Ear) => Link;

/** Types of frames with which a stream begins anew: they replace everything that was known of it. */
const beginnings: ReadonlySet<string> = new Set(["snapshot", "backlog", "connected", "subscribed"]);

/** Whether a frame replaces everything that was known of its stream. */
export function isBeginning({ type }: AnyFrame): boolean {
  return beginnings.has(type);
}

/**
 * Where a client stands in a stream after a frame, when it stood at `since` before.
 *
 * In the middle of a beginning of several frames it stands nowhere: only the last of them has a cursor, and whoever is
 * cut off before it begins again.
 */
export function cursorAfter(since: string | undefined, frame: AnyFrame): string | undefined {
  return isBeginning(frame) ? frame.cursor : (frame.cursor ?? since);
}
