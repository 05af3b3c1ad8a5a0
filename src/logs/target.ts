import type { FileStat, Files, OpenFile } from "./files.ts";

/** A file that a path led to, open, and the path of the file itself. */
export interface Target {
  readonly file: OpenFile;
  readonly stat: FileStat;
  readonly home: string;
}

const mostTries = 5;

/**
 * Opens what a path leads to; undefined when that is nothing that may be read.
 *
 * The path is resolved between a look at the file and its opening, so that it was this file's, whatever was renamed and
 * wherever a link led a moment later.
 */
export async function openTarget(files: Files, path: string, root: string): Promise<Target | undefined> {
  for (let tries = 0; tries < mostTries; tries += 1) {
    const seen = await files.stat(path);
    const resolved = await files.resolve(path).catch(() => ({ path }));
    const file = await files.open(path, root);
    if (!file) return undefined;
    const stat = await file.stat();
    if (resolved && stat.id === seen?.id) return { file, stat, home: resolved.path };
    await file.close();
  }
  return undefined;
}
