import { execFile } from "node:child_process";
import { basename } from "node:path";
import { promisify } from "node:util";
import type { Process } from "./record.ts";

const run = promisify(execFile);
const columns = "pid=,rss=,pcpu=,lstart=,comm=";
const line = /^\s*(\d+)\s+(\d+)\s+([\d.,]+)\s+(\w+\s+\w+\s+\w+\s+[\d:]+\s+\d+)\s+(.+)$/;

/** Scans with `ps`, for machines without `/proc`. */
export async function psScan(): Promise<Process[]> {
  // In the C locale, because the date is to be read again.
  const { stdout } = await run("ps", ["-A", "-o", columns], { env: { ...process.env, LC_ALL: "C" } });
  return stdout.split("\n").flatMap(parseLine);
}

function parseLine(text: string): Process[] {
  const [, pid, kilobytes, percent = "", startedAt = "", command = ""] = line.exec(text) ?? [];
  const rssBytes = Number(kilobytes) * 1024;
  if (pid === undefined || rssBytes === 0) return [];
  return [
    {
      pid: Number(pid),
      comm: basename(command),
      command,
      startedAt: new Date(startedAt).toISOString(),
      rssBytes,
      cpuPercent: Number(percent.replace(",", ".")),
    },
  ];
}
