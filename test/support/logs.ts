import { appendFileSync, mkdtempSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bus } from "../../src/bus/bus.ts";
import { type AgentLimits, LogsAgent } from "../../src/logs/agent.ts";
import { diskFiles } from "../../src/logs/disk.ts";
import { LogPattern } from "../../src/logs/pattern.ts";
import { Redaction, type RedactionRule } from "../../src/logs/redact.ts";
import { type Clock, systemClock } from "../../src/protocol/clock.ts";

interface DirectoryOptions {
  readonly limits?: Partial<AgentLimits>;
  readonly redact?: readonly RedactionRule[];
  readonly clock?: Clock;
}

/** A directory of log files of a test's own. */
export class LogDirectory implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "skein-logs-"));

  fileOf(name: string): string {
    return join(this.path, `${name}.log`);
  }

  append(name: string, ...lines: string[]): void {
    appendFileSync(this.fileOf(name), lines.map((line) => `${line}\n`).join(""));
  }

  /** Rotates as logrotate's `create` does. */
  rotate(name: string): void {
    renameSync(this.fileOf(name), `${this.fileOf(name)}.1`);
    writeFileSync(this.fileOf(name), "");
  }

  truncate(name: string): void {
    truncateSync(this.fileOf(name));
  }

  link(name: string, target: string): void {
    symlinkSync(target, this.fileOf(name));
  }

  delete(name: string): void {
    rmSync(this.fileOf(name));
  }

  /** An agent for the logs in here, in this process. */
  async startAgent(
    bus: Bus,
    { limits = {}, redact = [], clock = systemClock }: DirectoryOptions = {},
  ): Promise<LogsAgent> {
    const agent = new LogsAgent({
      bus,
      org: "default",
      pattern: new LogPattern(this.fileOf("{name}")),
      files: diskFiles,
      clock,
      redaction: new Redaction(redact),
      limits,
    });
    await agent.start();
    return agent;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
