/** One process of this machine, as it is now. */
export interface Process {
  readonly pid: number;
  /** The program's short name; any characters. */
  readonly comm: string;
  readonly command: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly rssBytes: number;
  /** Of one core, since the scan before. */
  readonly cpuPercent: number;
}

/** An instance as the gateway keeps it. Fields beyond the first five are ours; they pass through unchanged. */
export interface InstanceRecord {
  readonly name: string;
  readonly status: "running" | "stopped";
  readonly port: number | null;
  readonly pid: number | null;
  readonly archived_at: string | null;
  readonly command: string;
  readonly started_at: string;
  readonly rss_bytes: number;
  readonly cpu_percent: number;
}

/** The record of a process that runs. */
export function running(name: string, { pid, command, startedAt, rssBytes, cpuPercent }: Process): InstanceRecord {
  return {
    name,
    status: "running",
    port: null,
    pid,
    archived_at: null,
    command,
    started_at: startedAt,
    rss_bytes: rssBytes,
    cpu_percent: cpuPercent,
  };
}

/** The record of a process that has ended. */
export function stopped(record: InstanceRecord): InstanceRecord {
  return { ...record, status: "stopped", pid: null };
}

/** Whether a record says something new: memory and load count from a tenth (and a whole percent of a core) on. */
export function differs(before: InstanceRecord, after: InstanceRecord): boolean {
  if (before.status !== after.status || before.pid !== after.pid || before.started_at !== after.started_at) return true;
  return (
    Math.abs(after.rss_bytes - before.rss_bytes) > before.rss_bytes / 10 ||
    Math.abs(after.cpu_percent - before.cpu_percent) > Math.max(1, before.cpu_percent / 10)
  );
}
