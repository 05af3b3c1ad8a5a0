import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeFolder, type Run, type RunOptions, skein, startSkein } from "../support/process.ts";
import { secret } from "../support/tokens.ts";

/** What an instance says of itself: its environment and its arguments, and then it waits. */
const templates = {
  teller: { command: "sh", args: ["-c", "env; tr '\\0' ' ' < /proc/$$/cmdline; echo; sleep 100"] },
};

const none = "principal=0,address=0,org=0";
/** A flood of bad tokens is looked at, every one. */
const limits = { limitConnects: none, limitSubscribes: none, limitReads: none, limitPublishes: none };

/** A gateway as a process of its own, with a node that runs instances, for the org `acme`. */
export interface House extends AsyncDisposable {
  readonly url: string;
  readonly run: Run;
  readonly folder: string;
  /** The directory that the gateway keeps things in. */
  readonly data: string;
  /** Runs a command at it to its end. */
  said(args: readonly string[], options?: RunOptions & { readonly input?: string }): ReturnType<typeof skein>;
}

/** Starts one; its own environment may hold what a shell's often does. */
export async function startHouse(args: readonly string[], env: Readonly<Record<string, string>>): Promise<House> {
  const folder = makeFolder();
  const data = join(folder.path, "data");
  const [secretFile, config] = [join(folder.path, "secret"), join(folder.path, "config.json")];
  mkdirSync(data, { mode: 0o700 });
  writeFileSync(secretFile, secret, { mode: 0o600 });
  writeFileSync(config, JSON.stringify({ node: "here", org: "acme", data, drainMs: 0, templates, ...limits }));
  const flags = ["--config", config, "--auth", "enforced", "--jwt-secret-file", secretFile, ...args];
  const { url, run } = await startSkein(flags, { env });
  return {
    url,
    run,
    folder: folder.path,
    data,
    said: (words, options) => skein(words, { ...options, env: { SKEIN_URL: url, ...options?.env } }),
    async [Symbol.asyncDispose]() {
      await run.kill();
      folder[Symbol.dispose]();
    },
  };
}

/** All that is in the files below a folder. */
export function filesIn(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return files.map((file) => `${file}\n${readFileSync(file, "latin1")}`);
}

/** The arguments and the environment of a process. */
export function processTexts(pid: number): string[] {
  return ["cmdline", "environ"].map((file) => readFileSync(`/proc/${pid}/${file}`, "latin1"));
}
