import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { installed } from "./installed.ts";

const run = promisify(execFile);

/** What a configuration says about one log. */
export interface Logrotate {
  readonly path: string;
  /** Where the configuration and the state are kept; not where the log is. */
  readonly folder: string;
  /** Directives, say `create 0644` or `copytruncate`. */
  readonly directives: readonly string[];
  /** Whom a rotation is told by SIGHUP; nobody when it is not given. */
  readonly pid?: number;
}

/** Writes a configuration for logrotate and gives a function that rotates once, now. */
export function configureLogrotate({ path, folder, directives, pid }: Logrotate): () => Promise<void> {
  const program = installed({ variable: "LOGROTATE_BIN", names: ["logrotate"], debian: "logrotate" });
  const [conf, state] = [join(folder, "logrotate.conf"), join(folder, "logrotate.state")];
  const script = pid === undefined ? [] : ["postrotate", `kill -HUP ${pid}`, "endscript"];
  // A temporary folder may be writable by a group; then logrotate wants to be told whose the log is.
  const owner = process.getuid?.() === 0 ? ["su root root"] : [];
  const lines = [...owner, "nocompress", "missingok", ...directives, ...script];
  writeFileSync(conf, `${path} {\n  ${lines.join("\n  ")}\n}\n`, { mode: 0o644 });
  return async () => {
    await run(program, ["-f", "-s", state, conf]);
  };
}
