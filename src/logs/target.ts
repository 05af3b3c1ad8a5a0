import type { Files, OpenFile } from "./files.ts";

/** A file that a path led to, open, and the path of the file itself. */
export interface Target {
  readonly file: OpenFile;
  readonly home: string;
}

/**
 * Opens what a path leads to; undefined when that is nothing that may be read. `left` is where it led until now.
 *
 * The file may be renamed as soon as it is open, and a link leads nowhere then. Where the link led before is where the file
 * was, unless that is where it led until now: it may have led elsewhere since. A file there is found beside the one before it.
 */
export async function openTarget(files: Files, path: string, root: string, left?: string): Promise<Target | undefined> {
  const resolved = () => files.resolve(path).catch(() => undefined);
  const before = await resolved();
  const file = await files.open(path, root);
  if (!file) return undefined;
  const after = await resolved();
  const target = after ?? (before?.isLink && before.path === left ? undefined : before);
  if (target) return { file, home: target.path };
  await file.close();
  return undefined;
}
