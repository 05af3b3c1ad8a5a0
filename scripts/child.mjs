// A program that runs in place of this one: same terminal, same signals, same exit code.
import { spawn } from "node:child_process";
import { constants } from "node:os";

const forwarded = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]);

// One Ctrl-C arrives twice: from the terminal, and from npm, which passes on its own copy. Taken for two, it would turn
// a shutdown in good order into an immediate one.
const sameSignalMs = 300;

// npm passes a signal to the shell between itself and this process, and a shell passes nothing on: it just ends.
const lookForShellEveryMs = 200;

/**
 * Starts a program in a process group of its own, so that a Ctrl-C reaches it through `onSignal` alone.
 *
 * @param {string[]} command
 * @param {import("node:child_process").SpawnOptions} [options]
 */
export function startChild([program = "", ...args], options = {}) {
  return spawn(program, args, { stdio: "inherit", detached: process.platform !== "win32", ...options });
}

/**
 * Calls `listener` for every signal this process is asked to pass on.
 *
 * @param {(signal: NodeJS.Signals) => void} listener
 */
export function onSignal(listener) {
  let heardAt = Number.NEGATIVE_INFINITY;
  /** @param {NodeJS.Signals} signal */
  const hear = (signal) => {
    const now = performance.now();
    if (now - heardAt < sameSignalMs) return;
    heardAt = now;
    listener(signal);
  };
  for (const signal of forwarded) process.on(signal, () => hear(signal));
  if (process.env.npm_lifecycle_event) onShellGone(() => hear("SIGTERM"));
}

/** @param {() => void} listener */
function onShellGone(listener) {
  const shell = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === shell) return;
    clearInterval(timer);
    listener();
  }, lookForShellEveryMs);
  timer.unref();
}

/**
 * Waits for a program to end and says with which exit code a shell would report it.
 *
 * @param {import("node:child_process").ChildProcess} child
 * @returns {Promise<number>}
 */
export function exitCodeOf(child) {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}

/**
 * Runs a program to its end, passing signals on, and leaves its exit code for this process.
 *
 * @param {string[]} command
 * @param {NodeJS.ProcessEnv} env
 */
export async function become(command, env) {
  const child = startChild(command, { env });
  onSignal((signal) => child.kill(signal));
  process.exitCode = await exitCodeOf(child);
}
