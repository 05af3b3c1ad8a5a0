import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";

/** A template whose processes are known by their command lines among all of the machine. */
export function marked() {
  const mark = `mark-${randomUUID()}`;
  return {
    command: "sh",
    args: ["-c", "sleep 1000 & wait", mark, "{word}"],
    params: { word: { default: "none" } },
    stop: { graceMs: 100 },
  };
}

/** The pids of all commands of a template that run on this machine. */
export function processesOf({ args }: ReturnType<typeof marked>): number[] {
  const [, , mark] = args;
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => isOf(pid, mark ?? "")).map(Number);
}

/** The keeper of a command has the command in its own arguments, behind its script. */
function isOf(pid: string, mark: string): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return words.includes(mark) && !words.some((word) => word.endsWith("keep.sh"));
  } catch {
    return false;
  }
}
