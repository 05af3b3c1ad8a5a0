// The packages of package-lock.json, installed when they are not there yet.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { exitCodeOf, startChild } from "./child.mjs";
import { Fault, say } from "./fault.mjs";

/** The folder that holds package.json. */
export const root = fileURLToPath(new URL("..", import.meta.url));

const stamp = join(root, "node_modules", ".skein-installed");

/** Installs the dependencies unless exactly those of package-lock.json are there. */
export async function ensureDependencies() {
  const lock = readFileSync(join(root, "package-lock.json"), "utf8");
  const mark = createHash("sha256").update(lock).digest("hex");
  if (read(stamp) === mark) return;
  if (!holds(lock)) await install();
  writeFileSync(stamp, mark);
}

/**
 * Whether node_modules is what npm makes of this lockfile. Contents are compared rather than dates: a checkout makes
 * every file new, and an installation by hand leaves no stamp.
 *
 * @param {string} lock
 */
function holds(lock) {
  const present = read(join(root, "node_modules", ".package-lock.json"));
  if (present === undefined) return false;
  const wanted = packages(lock);
  const found = packages(present);
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === "" || (entry.optional && !found[path])) continue;
    if (found[path]?.version !== entry.version) return false;
  }
  return Object.keys(found).every((path) => path in wanted);
}

async function install() {
  say("installing dependencies (npm ci)…");
  const began = performance.now();
  const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ["npm"];
  const command = [...npm, "ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"];
  const code = await exitCodeOf(startChild(command, { cwd: root, detached: false, stdio: ["ignore", 2, 2] }));
  if (code !== 0) throw new Fault(`npm ci failed with exit code ${code}; what it said is above`);
  say(`installed in ${((performance.now() - began) / 1000).toFixed(1)} s`);
}

/**
 * @param {string} lock
 * @returns {Record<string, { version?: string, optional?: boolean }>}
 */
function packages(lock) {
  return JSON.parse(lock).packages;
}

/** @param {string} path */
function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
