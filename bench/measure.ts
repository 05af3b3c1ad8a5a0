import { readdirSync, readFileSync } from "node:fs";

/** Linux reports CPU time in ticks of this many microseconds (`getconf CLK_TCK` is 100 on every common kernel). */
const tickUs = 10_000;
const pageBytes = 4096;

interface Stat {
  readonly pid: number;
  readonly parent: number;
  readonly ticks: number;
}

/** CPU time used so far by a process and its descendants, user and system, µs. */
export function cpuUs(pid: number): number {
  return tree(pid).reduce((sum, { ticks }) => sum + ticks, 0) * tickUs;
}

/** Resident memory of a process and its descendants, bytes. */
export function rssBytes(pid: number): number {
  return tree(pid).reduce((sum, { pid: member }) => sum + residentPages(member), 0) * pageBytes;
}

/** The most file descriptors a process may have, as the kernel enforces it. */
export function descriptorLimit(): number {
  const [, , hard = "0"] = /Max open files\s+(\S+)\s+(\S+)/.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
  return hard === "unlimited" ? Number.POSITIVE_INFINITY : Number(hard);
}

function tree(root: number): Stat[] {
  const all = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => stat(Number(name)));
  const members = all.filter(({ pid }) => pid === root);
  for (const member of members) members.push(...all.filter(({ parent }) => parent === member.pid));
  return members;
}

function stat(pid: number): Stat[] {
  const text = read(`/proc/${pid}/stat`);
  // The command name is in parentheses and may hold anything; what follows the last one is fields 3 and on.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [parent, user, system] = [fields[1], fields[11], fields[12]].map(Number);
  if (parent === undefined || user === undefined || system === undefined || Number.isNaN(system)) return [];
  return [{ pid, parent, ticks: user + system }];
}

function residentPages(pid: number): number {
  return Number(read(`/proc/${pid}/statm`).split(" ")[1] ?? 0);
}

/** A process may end between the listing and the reading; then there is nothing to add. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
