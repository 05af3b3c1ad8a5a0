// The dashboard's files in dist/dashboard, built when what they are made of has changed.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exitCodeOf, startChild } from "./child.mjs";
import { root } from "./dependencies.mjs";
import { Fault, main, say } from "./fault.mjs";
import { ready } from "./runtime.mjs";

const folders = ["src/dashboard", "src/client", "src/protocol"];
const files = ["vite.dashboard.config.ts", "package-lock.json"];
const built = join(root, "dist", "dashboard");
const stamp = ".built-from";

/**
 * Builds the dashboard unless it is there, made of exactly the present files.
 *
 * @param {NodeJS.ProcessEnv} env
 */
export async function ensureDashboard(env) {
  const mark = markOf(sources());
  if (isMadeOf(mark)) return;
  say("building the dashboard (vite build)…");
  const began = performance.now();
  // Beside the old one, and then in its place: a gateway that runs meanwhile never finds half of it.
  const fresh = `${built}.${process.pid}`;
  try {
    await build(fresh, env);
    writeFileSync(join(fresh, stamp), mark);
    putInPlace(fresh, mark);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  say(`built in ${((performance.now() - began) / 1000).toFixed(1)} s`);
}

/**
 * @param {string} folder
 * @param {NodeJS.ProcessEnv} env
 */
async function build(folder, env) {
  const command = ["vite", "build", "--config", "vite.dashboard.config.ts", "--outDir", folder, "--logLevel", "warn"];
  const code = await exitCodeOf(startChild(command, { env, cwd: root, detached: false, stdio: ["ignore", 2, 2] }));
  if (code !== 0) throw new Fault(`vite build failed with exit code ${code}; what it said is above`);
}

/**
 * @param {string} fresh
 * @param {string} mark
 */
function putInPlace(fresh, mark) {
  rmSync(built, { recursive: true, force: true });
  try {
    renameSync(fresh, built);
  } catch (error) {
    // Somebody else who builds was a moment earlier, with the same sources.
    if (!isMadeOf(mark)) throw error;
  }
}

function sources() {
  const below = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  return [...below, ...files.map((file) => join(root, file))].sort();
}

/**
 * Contents are compared rather than dates: a checkout makes every file new.
 *
 * @param {string[]} paths
 */
function markOf(paths) {
  const hash = createHash("sha256");
  for (const path of paths) {
    const bytes = readFileSync(path);
    hash.update(`${path.slice(root.length)} ${bytes.length}\n`).update(bytes);
  }
  return hash.digest("hex");
}

/** @param {string} mark */
function isMadeOf(mark) {
  const said = join(built, stamp);
  return existsSync(said) && readFileSync(said, "utf8") === mark;
}

// node scripts/dashboard.mjs is for whoever wants nothing but that.
if (process.argv[1] === import.meta.filename) await main(async () => ensureDashboard(await ready()));
