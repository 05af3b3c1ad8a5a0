import { endOfTurn } from "../bus/turn.ts";
import type { FrameBody } from "../protocol/frame.ts";
import { snapshotBytesMax } from "../protocol/limits.ts";

/** What is left for what is no list: the reason, the count of what was cut, the cursor. */
const spareBytes = 64 * 1024;

/** After how much the event loop goes round before more is encoded. */
const turnBytes = 1024 * 1024;

/** The JSON texts of a snapshot. */
interface SnapshotText {
  /** The fields of the greeting by name, each in pieces. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
  /** The frames that follow it. */
  readonly following: readonly string[];
  /** How many items were left out. */
  readonly truncated: number;
}

/**
 * Encodes a snapshot, each item of its lists once, and `snapshotBytesMax` bytes at most: the newest items stay.
 *
 * Items are the frames that follow the greeting, and the elements of the lists that are fields of it. Other work goes on
 * while a large one is encoded; the bodies must not change meanwhile.
 */
export async function snapshotText(greeting: FrameBody, following: readonly FrameBody[]): Promise<SnapshotText> {
  const room = { bytes: snapshotBytesMax - spareBytes };
  const followers = await newest(following, room);
  let truncated = following.length - followers.length;
  const fields = new Map<string, readonly string[]>();
  for (const [name, value] of Object.entries(greeting)) {
    if (Array.isArray(value)) {
      const items = await newest(value, room);
      truncated += value.length - items.length;
      fields.set(name, ["[", ...separated(items), "]"]);
    } else if (value !== undefined) fields.set(name, [JSON.stringify(value)]);
  }
  if (truncated > 0 && typeof greeting.count === "number") fields.set("count", [String(greeting.count - truncated)]);
  return { fields, following: followers, truncated };
}

/** The texts of the last values of a list, as far as there is room for them. */
async function newest(values: readonly unknown[], room: { bytes: number }): Promise<string[]> {
  const texts: string[] = [];
  let encoded = 0;
  for (let i = values.length - 1; i >= 0; i--) {
    const text = JSON.stringify(values[i]) ?? "null";
    const bytes = Buffer.byteLength(text) + 1;
    if (bytes > room.bytes) {
      // What is older might fit, but there must be no gap within what is there.
      room.bytes = 0;
      break;
    }
    room.bytes -= bytes;
    texts.push(text);
    encoded += bytes;
    if (encoded < turnBytes) continue;
    encoded = 0;
    await endOfTurn();
  }
  return texts.reverse();
}

/** A JSON object of fields that are JSON already; written out once. */
export function objectText(fields: ReadonlyMap<string, readonly string[]>): string {
  const pieces = ["{"];
  for (const [name, text] of fields) {
    if (pieces.length > 1) pieces.push(",");
    pieces.push(JSON.stringify(name), ":");
    for (const piece of text) pieces.push(piece);
  }
  pieces.push("}");
  return pieces.join("");
}

function separated(texts: readonly string[]): string[] {
  return texts.flatMap((text, i) => (i === 0 ? [text] : [",", text]));
}
