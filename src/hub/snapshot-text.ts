import type { FrameBody } from "../protocol/frame.ts";
import { snapshotBytesMax } from "../protocol/limits.ts";

/** What is left for what is no list: the reason, the count of what was cut, the cursor. */
const spareBytes = 64 * 1024;

/** The JSON texts of a snapshot, oldest first, and how many items of it were left out. */
interface SnapshotText {
  /** The fields of the greeting, by name. */
  readonly fields: ReadonlyMap<string, string>;
  /** The frames that follow it. */
  readonly following: readonly string[];
  readonly truncated: number;
}

/**
 * Encodes a snapshot, each item of its lists once, and `snapshotBytesMax` bytes at most: the newest items stay.
 *
 * Items are the frames that follow the greeting, and the elements of the lists that are fields of it.
 */
export function snapshotText(greeting: FrameBody, following: readonly FrameBody[]): SnapshotText {
  const room = { bytes: snapshotBytesMax - spareBytes };
  const followers = newest(following, room);
  let truncated = following.length - followers.length;
  const fields = new Map<string, string>();
  for (const [name, value] of Object.entries(greeting)) {
    if (!Array.isArray(value)) {
      const text = JSON.stringify(value);
      if (text !== undefined) fields.set(name, text);
      continue;
    }
    const items = newest(value, room);
    truncated += value.length - items.length;
    fields.set(name, `[${items.join(",")}]`);
  }
  if (truncated > 0 && typeof greeting.count === "number") fields.set("count", String(greeting.count - truncated));
  return { fields, following: followers, truncated };
}

/** The texts of the last values of a list, as far as there is room for them. */
function newest(values: readonly unknown[], room: { bytes: number }): string[] {
  const texts: string[] = [];
  for (let i = values.length - 1; i >= 0; i--) {
    const text = JSON.stringify(values[i]) ?? "null";
    const bytes = Buffer.byteLength(text) + 1;
    if (bytes > room.bytes) {
      // What is older would fit, but there must be no gap between what is there.
      room.bytes = 0;
      break;
    }
    room.bytes -= bytes;
    texts.push(text);
  }
  return texts.reverse();
}

/** A JSON object of fields that are JSON already. */
export function objectText(fields: ReadonlyMap<string, string>): string {
  return `{${Array.from(fields, ([name, text]) => `${JSON.stringify(name)}:${text}`).join(",")}}`;
}
