import type { Files } from "../../src/logs/files.ts";

/** A place with files that a writer changes at once, and a follower sees through `files`. */
export interface World {
  readonly folder: string;
  readonly files: Files;
  /** What happened, for who reads a failure. */
  readonly log: string[];
  /** What is in the files that have a name. */
  readonly contents: readonly Buffer[];
  /** The file of that name, if there is one; links are not followed. */
  at(path: string): Inode | undefined;
  /** Makes an empty file in place of what has the name. Its number may be that of one that is gone, but not its birth, too. */
  create(path: string): Inode;
  rename(from: string, to: string): void;
  delete(path: string): void;
  /** Has a link lead elsewhere, in one go. */
  link(path: string, target: string): void;
  pass(ms: number): void;
}

/** A file without its names. It is held while it is looked at or changed. */
export interface Inode {
  readonly id: string;
  readonly content: Buffer;
  readonly links: number;
  append(text: string): void;
  truncate(): void;
  /** Keeps the file, as a process does that has it open. */
  hold(): void;
  release(): void;
}
