import { readFileSync, rmSync } from "node:fs";

/** Who runs, as keep.sh wrote it down. */
export interface Keeping {
  readonly keeper: { readonly pid: number; readonly started: number };
  readonly command: { readonly pid: number; readonly started: number };
}

/** What keep.sh wrote about who runs; undefined when it has not yet. `files` is what the names of its files begin with. */
export function keepingIn(files: string): Keeping | undefined {
  const [pid, started, commandPid, commandStarted] = numbersIn(`${files}.pid`);
  if (!pid || !started || !commandPid || !commandStarted) return undefined;
  return { keeper: { pid, started }, command: { pid: commandPid, started: commandStarted } };
}

/** How the command ended; null when by a signal, or when nobody could write it down. */
export function exitCodeIn(files: string): number | null {
  const [code] = numbersIn(`${files}.exit`);
  // A shell counts a death by signal n as 128 + n.
  return code === undefined || (code > 128 && code < 160) ? null : code;
}

/** Removes what was written down. */
export function removeRunFiles(files: string): void {
  for (const end of ["pid", "exit", "pipe"]) rmSync(`${files}.${end}`, { force: true });
}

function numbersIn(path: string): number[] {
  try {
    const words = readFileSync(path, "utf8").trim().split(" ");
    return words.filter((word) => /^\d+$/.test(word)).map(Number);
  } catch {
    return [];
  }
}
