/**
 * Where a client stands in a stream: an epoch (one life of the store behind it) and a position in it.
 *
 * On the wire it is an opaque string, `<epoch>-<position>`. One stored message may become several frames; all but the
 * last of them carry a part, `<epoch>-<position>.<part>`, so that a connection cut between them resumes exactly there.
 */
export interface Cursor {
  readonly epoch: string;
  readonly position: number;
  /** 1, 2, … for the first frames of a message; 0 for its last (and usually only) one. */
  readonly part: number;
}

const pattern = /^([a-z0-9]{1,32})-(\d{1,16})(?:\.([1-9]\d{0,3}))?$/;

/** The wire form of a cursor. */
export function formatCursor({ epoch, position, part }: Cursor): string {
  return part === 0 ? `${epoch}-${position}` : `${epoch}-${position}.${part}`;
}

/** The cursor behind a wire form, or undefined when it was never one of ours. */
export function parseCursor(text: string): Cursor | undefined {
  const match = pattern.exec(text);
  if (!match) return undefined;
  const [, epoch = "", position = "", part = "0"] = match;
  if (!Number.isSafeInteger(Number(position))) return undefined;
  return { epoch, position: Number(position), part: Number(part) };
}

/** Whether a frame at `place` comes after one at `mark`, both of the same epoch. */
export function isAfter(place: Place, mark: Place): boolean {
  if (place.position !== mark.position) return place.position > mark.position;
  return mark.part !== 0 && (place.part === 0 || place.part > mark.part);
}

/** A cursor without its epoch. */
export type Place = Pick<Cursor, "position" | "part">;
