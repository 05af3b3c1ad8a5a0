// The versions of nats-server that the bus is tried against: the machine's own where it is one of them, the others built from
// their source at first use.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { exitCodeOf, startChild } from "./child.mjs";
import { Fault, say } from "./fault.mjs";

/** The oldest that is supported, the last of its line that Debian may have, and the newest. */
const versions = ["2.9.10", "2.10.29", "2.15.2"];

const cache = join(import.meta.dirname, "../node_modules/.cache/nats-server");

/**
 * The file of each version.
 *
 * @param {string} own the machine's own nats-server
 * @returns {Promise<Record<string, string>>}
 */
export async function ensureNatsServers(own) {
  /** @type {Record<string, string>} */
  const files = {};
  for (const version of versions) files[version] = versionOf(own) === version ? own : await built(version);
  return files;
}

/** @param {string} version */
async function built(version) {
  const folder = join(cache, version);
  const file = join(folder, "nats-server");
  if (existsSync(file) && versionOf(file) === version) return file;
  if (spawnSync("go", ["version"], { stdio: "ignore" }).status !== 0) {
    throw new Fault(
      `nats-server ${version} is built with Go, which is not here; install it (https://go.dev/dl) and run this again`,
    );
  }
  say(`building nats-server ${version} (go install)…`);
  mkdirSync(folder, { recursive: true });
  const env = { ...process.env, GOBIN: folder };
  const command = ["go", "install", `github.com/nats-io/nats-server/v2@v${version}`];
  const code = await exitCodeOf(startChild(command, { env, detached: false, stdio: ["ignore", 2, 2] }));
  if (code !== 0) throw new Fault(`${command.join(" ")} failed with exit code ${code}; what it said is above`);
  const found = versionOf(file);
  if (found !== version) throw new Fault(`${file} should be nats-server ${version} and says that it is ${found}`);
  return file;
}

/** @param {string} file */
function versionOf(file) {
  const { stdout } = spawnSync(file, ["--version"], { encoding: "utf8" });
  return /: v(\S+)/.exec(stdout ?? "")?.[1];
}
