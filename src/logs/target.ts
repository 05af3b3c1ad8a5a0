import type { Files, OpenFile } from "./files.ts";

/** A file that a path led to, open, and the path of the file itself. */
export interface Target {
  readonly file: OpenFile;
  readonly home: string;
}

/** Opens what a path leads to; undefined when that is nothing that may be read. */
export async function openTarget(files: Files, path: string, root: string): Promise<Target | undefined> {
  const resolved = async () => (await files.resolve(path).catch(() => undefined))?.path;
  // The file may be renamed as soon as it is open; then the path leads nowhere any more.
  const before = await resolved();
  const file = await files.open(path, root);
  return file && { file, home: (await resolved()) ?? before ?? path };
}
