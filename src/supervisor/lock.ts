import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Stop } from "../protocol/clock.ts";
import { maybeJsonIn } from "../protocol/json.ts";
import { isAlive, ourselves } from "./proc.ts";

const owner = z.object({ pid: z.int(), started: z.number(), boot: z.string() });

/**
 * Takes a directory for this process alone, until the Stop is called or the process is gone, however it went.
 *
 * Throws an Error that names the process which has it.
 */
export function lockDirectory(directory: string): Stop {
  const path = join(directory, "lock");
  const ours = join(directory, `lock.${process.pid}`);
  writeFileSync(ours, JSON.stringify(ourselves()));
  try {
    while (!isLinked(ours, path)) clear(path, directory);
  } finally {
    rmSync(ours, { force: true });
  }
  return () => rmSync(path, { force: true });
}

/** A link is made whole or not at all, and never over another. */
function isLinked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

/** Removes the lock of an owner that is gone. */
function clear(path: string, directory: string): void {
  refuseOwned(path, directory);
  const aside = `${path}.old.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  try {
    // Another may have locked between the look and the renaming: then it gets its lock back.
    refuseOwned(aside, directory);
  } catch (error) {
    isLinked(aside, path);
    throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function refuseOwned(path: string, directory: string): void {
  const held = ownerIn(path);
  if (held === undefined || !isAlive(held)) return;
  throw new Error(
    `The directory ${directory} is in use by the supervisor of process ${held.pid}. Stop that one, or choose another directory.`,
  );
}

function ownerIn(path: string) {
  try {
    return owner.safeParse(maybeJsonIn(readFileSync(path))).data;
  } catch {
    return undefined;
  }
}
