/** `node pour.process.ts LOG BLOCK`: appends a block of lines as often as its parent says, and says when it began. */
import { openSync, readFileSync, writeSync } from "node:fs";
import { monotonicUs } from "../../test/support/numbered-line.ts";

const [path = "", block = ""] = process.argv.slice(2);
const bytes = readFileSync(block);
const chunk = 1024 * 1024;
const log = openSync(path, "a");

process.on("message", (blocks: number) => {
  const begunUs = monotonicUs();
  for (let round = 0; round < blocks; round++) {
    for (let at = 0; at < bytes.length; ) at += writeSync(log, bytes, at, Math.min(chunk, bytes.length - at));
  }
  process.send?.(begunUs);
});
process.on("disconnect", () => process.exit());
