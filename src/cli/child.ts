import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { closeSync, constants, fstatSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { constants as os, tmpdir } from "node:os";
import { join } from "node:path";
import { Passage } from "./passage.ts";

/** A command to run with this process's standard input, output and error. */
export interface Order {
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Who looks at what it says; what nobody looks at goes past this process. */
  readonly taps: Taps;
}

/** Looks at output on its way. */
export interface Taps {
  readonly stdout?: ((chunk: Uint8Array) => void) | undefined;
  readonly stderr?: ((chunk: Uint8Array) => void) | undefined;
}

/** How a command ended. */
export interface Ended {
  /** As a shell reports it: 128 and the number of the signal, 127 for a command that is not there. */
  readonly code: number;
  readonly signal: NodeJS.Signals | null;
  /** Why it was never started. */
  readonly fault?: string;
}

/** Reach the command from the terminal, when it is on one, and from us anywhere else. */
const fromTerminal = ["SIGINT", "SIGQUIT", "SIGWINCH"] as const;
/** Reach the command from us alone. */
const fromUs = ["SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGCONT"] as const;

/** After the command has ended these end this process, whatever it is still waiting for. */
const leaving: ReadonlySet<string> = new Set(["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"]);

/**
 * Runs a command to its end, passing on every signal that can be passed on, and all that it says, byte for byte.
 *
 * From then on a signal ends this process as the command has ended.
 */
export async function runCommand({ words, environment, taps }: Order): Promise<Ended> {
  const [command = "", ...args] = words;
  const pipes = openPipes(taps);
  // Before there is a command: a signal that comes while it is made must not end us and leave it alone.
  let hear: (signal: NodeJS.Signals) => void = () => {};
  hearSignals((signal) => hear(signal));
  const child = spawn(command, args, {
    stdio: ["inherit", pipes.stdout ?? "inherit", pipes.stderr ?? "inherit"],
    env: environment,
  });
  hear = (signal) => child.kill(signal);
  pipes.release();
  const end = await endOf(child, command);
  hear = (signal) => leaving.has(signal) && endLike(end);
  await pipes.drained();
  return end;
}

/** Ends this process as the command has ended, so that a shell cannot tell the two apart. */
export function endLike({ code, signal }: Ended): void {
  // A shell goes on with its script after a Ctrl-C unless what it waits for was ended by it.
  if (signal === "SIGINT" && isInForeground()) {
    process.removeAllListeners("SIGINT");
    process.kill(process.pid, "SIGINT");
    return;
  }
  process.exit(code);
}

function endOf(child: ChildProcess, command: string): Promise<Ended> {
  return new Promise((resolve) => {
    child.once("error", (thrown: NodeJS.ErrnoException) => {
      if (child.pid === undefined) resolve(neverStarted(command, thrown));
    });
    child.once("exit", (code, signal) => resolve({ code: code ?? 128 + (signal ? os.signals[signal] : 0), signal }));
  });
}

function neverStarted(command: string, { code, message }: NodeJS.ErrnoException): Ended {
  if (code === "ENOENT") return { code: 127, signal: null, fault: `${command}: command not found` };
  const why = code === "EACCES" ? "not an executable file" : message;
  return { code: 126, signal: null, fault: `${command}: ${why}` };
}

/** Calls `hear` with every signal that the command has not heard already. */
function hearSignals(hear: (signal: NodeJS.Signals) => void): void {
  for (const signal of fromUs) process.on(signal, hear);
  const hearBeside = (signal: NodeJS.Signals) => {
    if (!isInForeground()) hear(signal);
  };
  for (const signal of fromTerminal) process.on(signal, hearBeside);
  process.on("SIGTSTP", (signal) => {
    hearBeside(signal);
    // Whoever waits for this process sees it stop with the command.
    process.kill(process.pid, "SIGSTOP");
  });
}

/** Whether a terminal sends its signals to this process and to the command alike, because both are what runs on it. */
function isInForeground(): boolean {
  try {
    const stat = readFileSync("/proc/self/stat", "latin1");
    // The name of the program is in parentheses and may hold anything; then come state, parent, group, session, terminal.
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return group === foreground;
  } catch {
    return process.stdin.isTTY;
  }
}

interface Pipes {
  /** What the command writes to; undefined where it has ours. */
  readonly stdout: number | undefined;
  readonly stderr: number | undefined;
  /** Lets go of the ends that are the command's. */
  release(): void;
  /** Settles when all that the command has said is on. */
  drained(): Promise<void>;
}

function openPipes({ stdout, stderr }: Taps): Pipes {
  // What leads to one place comes there in the order in which it was said only by one pipe.
  const isOne = stdout !== undefined && stderr !== undefined && isSameFile();
  const out = stdout && openPipe(process.stdout, stdout);
  const err = isOne ? out : stderr && openPipe(process.stderr, stderr);
  const both = [...new Set([out, err])].filter((one) => one !== undefined);
  return {
    stdout: out?.writer,
    stderr: err?.writer,
    release() {
      for (const { writer } of both) closeSync(writer);
    },
    async drained() {
      await Promise.all(both.map(({ passage }) => passage.drained()));
    },
  };
}

function isSameFile(): boolean {
  const [out, err] = [fstatSync(1), fstatSync(2)];
  return out.dev === err.dev && out.ino === err.ino;
}

/** A pipe of the kernel; what Node calls one is a socket, and then a command cannot open its own /dev/stdout. */
function openPipe(to: NodeJS.WriteStream, tap: (chunk: Uint8Array) => void) {
  const folder = mkdtempSync(join(tmpdir(), "skein-pipe-"));
  try {
    const path = join(folder, "pipe");
    spawnSync("mkfifo", ["-m", "600", path], { stdio: "ignore" });
    // A reader that does not block needs no writer to open it, and a writer then has its reader.
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openSync(path, constants.O_WRONLY);
    const from = new Socket({ fd: reader, readable: true, writable: false });
    return { writer, passage: new Passage({ from, to, tap }) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
