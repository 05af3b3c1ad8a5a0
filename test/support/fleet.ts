import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeFolder, type Started, startSkein } from "./process.ts";

/** Templates for instances that do what their names say; each ends by itself in the end. */
export const templates = {
  sleeper: {
    description: "Sleeps",
    command: "sleep",
    args: ["{seconds}"],
    params: { seconds: { default: "200", pattern: "[0-9]+" } },
    port: { from: 18_900, to: 18_930 },
  },
  broken: {
    command: "sh",
    args: ["-c", "echo no luck; exit 7"],
    port: { from: 18_931, to: 18_940 },
    health: { kind: "tcp" },
    restart: { policy: "never" },
  },
  slow: { command: "sleep", args: ["200"], port: { from: 18_941, to: 18_950 }, health: { kind: "tcp" } },
  needy: { command: "sleep", args: ["{seconds}"], params: { seconds: {} } },
};

/** A gateway that runs instances, which end with it. */
export interface FleetGateway extends Started {
  readonly folder: string;
}

/** Starts a gateway with templates; what it keeps is gone with it, unless `args` say `--data`. */
export async function startFleet(
  fleet: object,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<FleetGateway> {
  const folder = makeFolder();
  const file = join(folder.path, "fleet.json");
  writeFileSync(file, JSON.stringify({ node: "here", data: ":memory:", drainMs: 0, templates: fleet }));
  const gateway = await startSkein(["--config", file, ...args], { env });
  return {
    ...gateway,
    folder: folder.path,
    async [Symbol.asyncDispose]() {
      // A kill would leave what it runs behind.
      gateway.run.signal("SIGTERM");
      await gateway.run.exit;
      folder[Symbol.dispose]();
    },
  };
}

/** Whether a process is there. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
