import { execFile } from "node:child_process";
import { bootId } from "./proc.ts";

/** Checks that this machine has what running instances needs. Throws an Error that says what is missing. */
export async function checkTools(): Promise<void> {
  const version = await versionOf("split");
  if (!version.includes("GNU coreutils")) {
    throw new Error("Running instances needs split of GNU coreutils for their logs; install coreutils");
  }
  try {
    bootId();
  } catch {
    throw new Error("Running instances needs Linux with /proc");
  }
}

function versionOf(tool: string): Promise<string> {
  return new Promise((resolve) => execFile(tool, ["--version"], (_, output) => resolve(output)));
}
