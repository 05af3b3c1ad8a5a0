// The Node that runs the project: the pinned one from node_modules, else the one that is running now.
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { ensureDependencies, root } from "./dependencies.mjs";
import { Fault } from "./fault.mjs";

const oldest = [22, 18];

/**
 * Makes the project ready to run and answers the environment to run it in: node_modules/.bin first on PATH.
 *
 * @returns {Promise<NodeJS.ProcessEnv>}
 */
export async function ready() {
  await ensureDependencies();
  const bin = join(root, "node_modules", ".bin");
  if (!runs(join(bin, "node")) && !isEnough(process.versions.node)) {
    throw new Fault(
      `Node ${oldest.join(".")} or newer is needed and this is ${process.versions.node}; there is no packaged Node for ` +
        `${process.platform}-${process.arch}. Install Node 24 from https://nodejs.org and run this again`,
    );
  }
  // What was compiled once is found by every process after it, from its first file on.
  const compiled = { NODE_COMPILE_CACHE: join(tmpdir(), "node-compile-cache") };
  return { ...compiled, ...process.env, PATH: [bin, process.env.PATH].join(delimiter) };
}

/**
 * Whether a Node of that version runs TypeScript as it is.
 *
 * @param {string} version
 */
export function isEnough(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > oldest[0] || (major === oldest[0] && minor >= oldest[1]);
}

/** @param {string} program */
function runs(program) {
  return spawnSync(program, ["--version"], { stdio: "ignore" }).status === 0;
}
