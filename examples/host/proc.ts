import { readdir, readFile } from "node:fs/promises";
import { basename } from "node:path";
import type { Process } from "./record.ts";

/** Linux reports times to programs in hundredths of a second, whatever the kernel's own clock. */
const ticksPerSecond = 100;

interface Stat {
  readonly pid: number;
  readonly comm: string;
  readonly cpuTicks: number;
  /** Since the machine started. */
  readonly startTicks: number;
  readonly pages: number;
}

interface Look {
  readonly atMs: number;
  readonly cpuTicks: ReadonlyMap<string, number>;
}

/** Scans `/proc`; each scan remembers the one before, to tell how busy a process has been since. */
export async function procScanner(): Promise<() => Promise<Process[]>> {
  // Read once: the kernel counts its start back from its clock, so that a second reading may differ.
  const [bootMs, pageBytes] = await Promise.all([bootedAtMs(), bytesPerPage()]);
  let before: Look = { atMs: 0, cpuTicks: new Map() };
  return async () => {
    const stats = await allStats();
    const atMs = Date.now();
    const last = before;
    before = { atMs, cpuTicks: new Map(stats.map((stat) => [keyOf(stat), stat.cpuTicks])) };
    const processes = stats.map(async (stat): Promise<Process> => {
      const command = await commandOf(stat);
      const startMs = bootMs + (stat.startTicks / ticksPerSecond) * 1000;
      const sinceMs = last.cpuTicks.has(keyOf(stat)) ? last.atMs : startMs;
      const seconds = Math.max((atMs - sinceMs) / 1000, 0.01);
      const busy = (stat.cpuTicks - (last.cpuTicks.get(keyOf(stat)) ?? 0)) / ticksPerSecond / seconds;
      return {
        pid: stat.pid,
        // Node calls its main thread so, and with it the whole process.
        comm: stat.comm === "MainThread" ? basename(command.split(" ")[0] ?? "") : stat.comm,
        command,
        startedAt: new Date(startMs).toISOString(),
        rssBytes: stat.pages * pageBytes,
        cpuPercent: Math.round(busy * 1000) / 10,
      };
    });
    return Promise.all(processes);
  };
}

function keyOf({ pid, startTicks }: Stat): string {
  return `${pid} ${startTicks}`;
}

async function allStats(): Promise<Stat[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(pids.map(statOf));
  // What holds no memory is the kernel's own thread, or a zombie.
  return stats.filter((stat) => stat !== undefined && stat.pages > 0) as Stat[];
}

async function statOf(pid: string): Promise<Stat | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The name stands in brackets and may hold brackets and spaces itself; the last bracket ends it.
  const end = text.lastIndexOf(")");
  if (end === -1) return undefined;
  const fields = text
    .slice(end + 2)
    .split(" ")
    .map(Number);
  const [userTicks = 0, systemTicks = 0] = fields.slice(11, 13);
  const [startTicks = 0, , pages = 0] = fields.slice(19, 22);
  return {
    pid: Number(pid),
    comm: text.slice(text.indexOf("(") + 1, end),
    cpuTicks: userTicks + systemTicks,
    startTicks,
    pages,
  };
}

/** The program and what it runs, without options: command lines carry passwords, and this goes to a screen. */
async function commandOf({ pid, comm }: Stat): Promise<string> {
  const text = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  const [program = "", first = ""] = text.split("\0");
  if (program === "") return comm;
  const isPlain = first !== "" && !first.startsWith("-") && !/[@=\s]/.test(first);
  return (isPlain ? `${program} ${first}` : (program.split(" ")[0] ?? comm)).slice(0, 200);
}

async function bootedAtMs(): Promise<number> {
  const text = await readFile("/proc/stat", "utf8");
  return Number(/^btime (\d+)$/m.exec(text)?.[1] ?? 0) * 1000;
}

/** The size of a page of memory, which `/proc` tells for every stretch of it; 4 KiB where it does not. */
async function bytesPerPage(): Promise<number> {
  const text = await readFile("/proc/self/smaps", "utf8").catch(() => "");
  return Number(/^KernelPageSize:\s+(\d+) kB$/m.exec(text)?.[1] ?? 4) * 1024;
}
