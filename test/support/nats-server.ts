import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { installed } from "./installed.ts";

const program = { variable: "NATS_SERVER_BIN", names: ["nats-server"], debian: "nats-server" };

/** A nats-server of a test's own, on loopback. */
export interface NatsServer {
  readonly url: string;
  readonly port: number;
  /** `kill -9`; resolves when it is dead. */
  kill(): Promise<void>;
  /** Has it read its configuration again. */
  reload(): void;
  /** Starts it again on the same port, with the same files. */
  restart(): Promise<void>;
  /** Deletes its files; it must not be running. */
  wipe(): void;
  /** Kills it and removes its temporary files. */
  stop(): Promise<void>;
}

export interface NatsServerOptions {
  /** Where JetStream keeps its files. Default: a temporary folder, removed by `stop`. */
  readonly dir?: string;
  /** Default: any free port, kept through `restart`. */
  readonly port?: number;
  /** Further arguments. Default: `-js`. */
  readonly args?: readonly string[];
  /** A configuration to start with instead, in the folder of its file. */
  readonly config?: Configuration;
}

/** The name of a configuration file, and the environment variables that it wants. */
export interface Configuration {
  readonly file: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Starts a nats-server and waits until it is ready. Throws an Error that says how to install it when there is none. */
export async function startNatsServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), "skein-nats-"));
  const { config } = options;
  // A configuration that says where JetStream's files are takes no other place for them.
  const files = config ? ["-c", config.file, "-m", "-1"] : ["-sd", dir];
  const args = ["-a", "127.0.0.1", ...files, ...(options.args ?? (config ? [] : ["-js"]))];
  let running = await launch([...args, "-p", String(options.port ?? -1)], config);
  const { port } = running;
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    kill: () => running.kill(),
    reload: () => running.reload(),
    restart: async () => {
      await running.kill();
      running = await launch([...args, "-p", String(port)], config);
    },
    wipe: () => rmSync(dir, { recursive: true, force: true }),
    stop: async () => {
      await running.kill();
      if (options.dir === undefined) rmSync(dir, { recursive: true, force: true });
    },
  };
}

interface Running {
  readonly port: number;
  readonly kill: () => Promise<void>;
  readonly reload: () => void;
}

/** The shell says the server's pid, and kills it when its standard input ends: with us, however we end. */
const leash = `
  exec 3<&0
  "$@" 3<&- &
  pid=$!
  echo "$pid"
  (cat <&3 >/dev/null; kill -9 "$pid") 2>/dev/null &
  wait "$pid"
`;

async function launch(args: readonly string[], config: Configuration | undefined): Promise<Running> {
  const shell = spawn("/bin/sh", ["-c", leash, "sh", installed(program), ...args], {
    stdio: ["pipe", "pipe", "pipe"],
    ...(config && { cwd: dirname(config.file), env: { ...process.env, ...config.env } }),
  });
  // The other end of a pipe may be dead before we hang up.
  shell.stdin?.on("error", () => {});
  const gone = new Promise<void>((resolve) => shell.once("exit", () => resolve()));
  const pid = Number(await firstMatch(shell, "stdout", /^(\d+)\n/));
  const log = firstMatch(shell, "stderr", /client connections on \S+:(\d+)[\s\S]*Server is ready/);
  const port = Number(await log);
  const kill = async () => {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It is dead already.
    }
    await gone;
    shell.stdin?.destroy();
  };
  return { port, kill, reload: () => void process.kill(pid, "SIGHUP") };
}

/** The first group of a pattern as soon as the output matches; rejects with the output when the process ends before. */
function firstMatch(child: ChildProcess, stream: "stdout" | "stderr", pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = "";
    child[stream]?.on("data", (chunk) => {
      if (output.length > 100_000) return;
      output += chunk;
      const match = pattern.exec(output);
      if (match) resolve(match[1] ?? "");
    });
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`nats-server ended before it was ready:\n${output}`)));
  });
}
