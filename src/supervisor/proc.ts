import { readFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";

/** A process that no later one can be mistaken for: pids are given again, but not at the same time of the same boot. */
export interface Identity {
  readonly pid: number;
  /** When it started, in clock ticks since the machine did. */
  readonly started: number;
  /** Which start of the machine. */
  readonly boot: string;
}

let boot: string | undefined;

/** This start of the machine; no process lives through two. Throws an Error where there is no /proc. */
export function bootId(): string {
  boot ??= readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return boot;
}

/** This process. */
export function ourselves(): Identity {
  return { pid: process.pid, started: startedAt(process.pid) ?? 0, boot: bootId() };
}

/** Whether a process still runs; one that is dead and not yet collected does not. */
export function isAlive({ pid, started, boot }: Identity): boolean {
  return boot === bootId() && startedAt(pid) === started;
}

/** When the process with that pid started, in clock ticks; undefined when there is none that runs. */
export function startedAt(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name of the command may contain anything, brackets too.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : Number(fields[19]);
  } catch {
    return undefined;
  }
}

/** Sends a signal to a process, or with a negative pid to its group. Says whether there was somebody to take it. */
export function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

/** The variable by which a process is known as part of a launch, wherever it went. */
export const mark = "SKEIN_LAUNCH";

const marked = new RegExp(`(?:^|\\0)${mark}=([^\\0]*)`);

/** Every running process that was begun by a launch and has not hidden its environment, by launch. */
export async function allMembers(): Promise<ReadonlyMap<string, readonly number[]>> {
  const members = new Map<string, number[]>();
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const environment = await readFile(`/proc/${entry}/environ`, "latin1").catch(() => "");
    const [, launch] = marked.exec(environment) ?? [];
    if (launch !== undefined) members.set(launch, [...(members.get(launch) ?? []), Number(entry)]);
  }
  return members;
}

/** Every running process that was begun by a launch and has not hidden its environment. */
export async function membersOf(launch: string): Promise<readonly number[]> {
  return (await allMembers()).get(launch) ?? [];
}
