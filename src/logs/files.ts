import type { Stop } from "../protocol/clock.ts";

/**
 * The file system as log following needs it: asynchronous throughout, so that one that hangs stops nobody else.
 *
 * `diskFiles` is the real one. Every method rejects with what the system says (an Error with `code`) unless said otherwise.
 */
export interface Files {
  /** What a path leads to, links followed; undefined when nothing is there or it is not a regular file. */
  stat(path: string): Promise<FileStat | undefined>;

  /**
   * Opens a regular file for reading, without waiting for a writer of a FIFO, and looks at what was really opened.
   *
   * Undefined when nothing is there or it is no regular file. Throws `forbidden` (a Failure) when what was opened lies
   * outside `root`.
   */
  open(path: string, root: string): Promise<OpenFile | undefined>;

  /** The names in a directory; none when there is no such directory. */
  list(directory: string): Promise<readonly string[]>;

  /** Whether the path itself is a symbolic link, and where all its links lead. Undefined when nothing is there. */
  resolve(path: string): Promise<{ readonly path: string; readonly isLink: boolean } | undefined>;

  /** Calls `listener` when the file may have changed, now and then without need. False says it cannot be watched: poll. */
  watch(path: string, listener: () => void): Stop | false;
}

/** An open file; whatever happens to its name, this is the same file. */
export interface OpenFile {
  stat(): Promise<FileStat>;
  /** Reads into the buffer from a byte of the file on; fewer bytes than asked for means the end. */
  read(into: Buffer, at: number): Promise<number>;
  close(): Promise<void>;
}

/** Closes a file; what the system says to that changes nothing, for it is read no more. */
export async function closeFile(file: OpenFile | undefined): Promise<void> {
  try {
    await file?.close();
  } catch {
    // It is read no more.
  }
}

export interface FileStat {
  /** Names the file for its whole life: device, inode and time of birth. */
  readonly id: string;
  readonly size: number;
  /** Nanoseconds since 1970. */
  readonly birthNs: bigint;
  readonly changedNs: bigint;
  /** How many names it has; 0 once it is deleted. */
  readonly links: number;
}
