/** `node npm-tail.ts FILE…`: prints what the npm package tail says of files, each from its first line on. */
import type { EventEmitter } from "node:events";
import { createRequire } from "node:module";

type TailOf = new (path: string, options: { readonly fromBeginning: boolean }) => EventEmitter;

const { Tail } = createRequire(import.meta.url)("tail") as { readonly Tail: TailOf };

for (const path of process.argv.slice(2)) {
  const tail = new Tail(path, { fromBeginning: true });
  tail.on("line", (line: string) => process.stdout.write(`${line}\n`));
  // It says so when a file vanishes; that it goes on is up to it.
  tail.on("error", () => {});
}
