import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** A program of the system that tests need. */
export interface Needed {
  /** The environment variable that may name its file. */
  readonly variable: string;
  /** What it is called; the first that is there is taken. */
  readonly names: readonly string[];
  /** The package that has it. */
  readonly debian: string;
}

const moreFolders = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];

/** The file of a program. Throws an Error that says how to install it when there is none. */
export function installed({ variable, names, debian }: Needed): string {
  const named = process.env[variable];
  const folders = [...(process.env.PATH ?? "").split(delimiter), ...moreFolders];
  const candidates = named ? [named] : names.flatMap((name) => folders.map((folder) => join(folder, name)));
  const found = candidates.find(isExecutable);
  if (found) return found;
  throw new Error(`These tests need ${names[0]}: \`apt-get install ${debian}\`, or set ${variable} to its path`);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
