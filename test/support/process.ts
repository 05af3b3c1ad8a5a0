import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** What `node` runs as `skein`. */
export const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** A command that finds itself compiled does not load the compiler: a third less work for each. */
export const compiled = { NODE_COMPILE_CACHE: join(tmpdir(), "node-compile-cache") };

/** How a process ended: with an exit code, or by a signal. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface RunOptions {
  /** What the environment says besides PATH. Default: nothing. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: a folder of its own, so that no file and no data of others is found. */
  readonly cwd?: string;
}

/** A command `skein …` as a process of its own, which never outlives the test. */
export class Run implements AsyncDisposable {
  stdout = "";
  stderr = "";
  /** Settles when it has ended and all its output is there. */
  readonly exit: Promise<Exit>;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #listeners = new Set<() => void>();
  #isEnded = false;

  constructor(args: readonly string[], { env = {}, cwd }: RunOptions = {}) {
    const folder = cwd === undefined ? makeFolder() : undefined;
    const settings = { cwd: folder?.path ?? cwd, env: { PATH: process.env.PATH, ...compiled, ...env } };
    this.#child = spawn(process.execPath, [main, ...args], settings);
    tie(this.#child);
    for (const name of ["stdout", "stderr"] as const) {
      this.#child[name].setEncoding("utf8").on("data", (text: string) => {
        this[name] += text;
        this.#wake();
      });
    }
    // Whoever ends before it has read everything is no fault of the one who writes.
    this.#child.stdin.on("error", () => {});
    this.exit = once(this.#child, "close").then(([code, signal]) => {
      this.#isEnded = true;
      folder?.[Symbol.dispose]();
      this.#wake();
      return { code, signal };
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The lines on standard output so far. */
  get lines(): string[] {
    return this.stdout.split("\n").slice(0, -1);
  }

  /** Settles when `isEnough` says so of what was written; rejects with the output when the process ends before. */
  async until(isEnough: (run: this) => boolean): Promise<void> {
    while (!isEnough(this)) {
      if (this.#isEnded) throw new Error(`The process ended:\n${this.stdout}\n${this.stderr}`);
      await new Promise<void>((resolve) => this.#listeners.add(resolve));
      this.#listeners.clear();
    }
  }

  /** Gives it its standard input, and the end of it. */
  say(text: string): void {
    this.#child.stdin.end(text);
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.exit;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }

  #wake(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** Runs a command to its end. */
export async function skein(args: readonly string[], options: RunOptions & { input?: string } = {}): Promise<Ran> {
  await using run = new Run(args, options);
  run.say(options.input ?? "");
  const { code } = await run.exit;
  return { code, stdout: run.stdout, stderr: run.stderr };
}

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A gateway that has said where it is. */
export interface Started extends AsyncDisposable {
  readonly run: Run;
  readonly url: string;
  readonly port: number;
  /** Publishes over HTTP and gives the answer. */
  publish(tail: string, body: unknown): Promise<Response>;
}

/** Starts `skein start`, on any free port unless the arguments name one, and waits for its banner. */
export async function startSkein(args: readonly string[] = [], options: RunOptions = {}): Promise<Started> {
  const where = args.includes("--port") ? [] : ["--port", "0"];
  const run = new Run(["start", ...where, ...args], options);
  await run.until(({ stdout }) => banner.test(stdout));
  const url = banner.exec(run.stdout)?.[1] ?? "";
  return {
    run,
    url,
    port: Number(new URL(url).port),
    publish: (tail, body) => fetch(`${url}/api/publish/${tail}`, { method: "POST", body: JSON.stringify(body) }),
    [Symbol.asyncDispose]: () => run.kill(),
  };
}

/** The whole banner: it ends with the address to open. */
const banner = /is at (http:\S+),[\s\S]*Open\s+http:\S+\n/;

/** A folder of a test's own. */
export interface Folder extends Disposable {
  readonly path: string;
}

export function makeFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), "skein-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Kills a process when this one is gone, however it went: a pipe to a shell ends with its writer. */
export function tie(child: ChildProcessWithoutNullStreams): void {
  const script = 'cat >/dev/null; kill -9 "$0"';
  const leash = spawn("/bin/sh", ["-c", script, String(child.pid)], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  leash.stdin.on("error", () => {});
  leash.unref();
  child.once("exit", () => leash.kill("SIGKILL"));
}
