import type { OpenFile } from "./files.ts";

const chunkBytes = 65_536;
const lineFeed = 0x0a;

/**
 * The start of the line that follows the `count`-th line feed before `end`, seen backwards; the start of the file when it has
 * fewer.
 *
 * Undefined when there are fewer in `mostBytes`.
 */
export async function findLineStart(
  file: OpenFile,
  end: number,
  count: number,
  mostBytes: number,
): Promise<number | undefined> {
  const chunk = Buffer.allocUnsafeSlow(Math.min(chunkBytes, end));
  let rest = count;
  for (let at = end; at > 0; ) {
    if (end - at >= mostBytes) return undefined;
    const from = Math.max(0, at - chunk.length);
    const bytes = chunk.subarray(0, await file.read(chunk.subarray(0, at - from), from));
    for (let found = bytes.lastIndexOf(lineFeed); found >= 0; found = bytes.lastIndexOf(lineFeed, found - 1)) {
      rest -= 1;
      if (rest === 0) return from + found + 1;
      if (found === 0) break;
    }
    at = from;
  }
  return 0;
}
