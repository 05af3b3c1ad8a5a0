import { type ChildProcess, fork, type StdioOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";

const grace = 2_000;
const keptOutput = 4_000;
/** Every server gets as many file descriptors as the machine allows. */
const unlimited = 'ulimit -n "$(ulimit -Hn)" 2>/dev/null; exec "$@"';
const stdio: StdioOptions = ["pipe", "pipe", "pipe"];

/** The processes a run has started. None outlives it: `kill` ends them whatever state they are in. */
export class Children {
  readonly #running = new Set<ChildProcess>();

  /** Starts a server. Its standard input is a pipe that closes with this process. */
  spawn(command: string, args: readonly string[]): Program {
    const settings = { stdio, detached: true, cwd: tmpdir(), env: plainEnvironment() };
    const child = spawn("/bin/sh", ["-c", unlimited, "sh", command, ...args], settings);
    this.#keep(child);
    return new Program(child, command);
  }

  /** Starts a load process, with a channel that passes typed arrays and big integers. */
  fork(module: URL): ChildProcess {
    const child = fork(module, { serialization: "advanced", detached: true });
    this.#keep(child);
    return child;
  }

  /** Asks all to end, and makes those end that do not. */
  async stop(): Promise<void> {
    const running = [...this.#running];
    const ended = running.map((child) => once(child, "exit"));
    for (const child of running) child.kill("SIGTERM");
    const late = setTimeout(() => this.kill(), grace);
    await Promise.all(ended);
    clearTimeout(late);
  }

  /** Ends all at once, with what they have started themselves. Safe in an exit handler. */
  kill(): void {
    for (const { pid } of this.#running) if (pid !== undefined) killGroup(pid);
  }

  #keep(child: ChildProcess): void {
    this.#running.add(child);
    child.once("exit", () => this.#running.delete(child));
  }
}

/** The environment without what would set Skein up differently from what its command line says. */
function plainEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(SKEIN_|NATS_)/.test(name)));
}

/** Every child leads a process group of its own, so that the workers of a killed nginx do not stay. */
function killGroup(leader: number): void {
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // It has ended in the meantime.
  }
}

/** A server under test, or the bus. */
export class Program {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #command: string;
  #output = "";

  constructor(child: ChildProcess, command: string) {
    this.#child = child;
    this.#command = command;
    this.pid = child.pid ?? 0;
    const keep = (chunk: Buffer) => {
      this.#output = (this.#output + chunk.toString()).slice(-keptOutput);
    };
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
    child.stdin?.on("error", () => {});
  }

  /** Why the program has ended; undefined while it runs. */
  get ended(): string | undefined {
    const { exitCode, signalCode } = this.#child;
    if (exitCode === null && signalCode === null) return undefined;
    return `${this.#command} ended with ${signalCode ?? exitCode}. Its last output:\n${this.#output.trim()}`;
  }
}
