// A program from outside npm that the tests need: found, or installed by Debian's apt, or asked for by name.
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { exitCodeOf, startChild } from "./child.mjs";
import { Fault, say } from "./fault.mjs";

/**
 * @typedef {object} Program
 * @property {string} variable the environment variable that names its file
 * @property {string[]} names what it is called on PATH
 * @property {string} debian the Debian package that holds it
 * @property {string[]} [trial] arguments with which it ends well only when all that is needed is there
 */

/**
 * The file of a program, installed first if need be.
 *
 * @param {Program} program
 * @returns {Promise<string>}
 */
export async function ensureProgram(program) {
  const named = process.env[program.variable];
  if (named) return checked(named, program.variable);
  const present = find(program);
  if (present) return present;
  await install(program.debian);
  const installed = find(program);
  if (!installed) throw new Fault(`${program.debian} is installed, but ${program.names.join(" or ")} is not on PATH`);
  return installed;
}

/**
 * @param {string} file
 * @param {string} variable
 */
function checked(file, variable) {
  if (!isExecutable(file)) throw new Fault(`${variable} names ${file}, which is not a program`);
  return file;
}

/** @param {Pick<Program, "names" | "trial">} program */
function find({ names, trial }) {
  // Debian keeps servers in /usr/sbin, which is not on everybody's PATH.
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"].filter(Boolean);
  return names
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find((file) => isExecutable(file) && passes(file, trial));
}

/**
 * @param {string} file
 * @param {string[] | undefined} trial
 */
function passes(file, trial) {
  return trial === undefined || spawnSync(file, trial, { stdio: "ignore" }).status === 0;
}

/** @param {string} debian */
async function install(debian) {
  if (process.getuid?.() !== 0 || !find({ names: ["apt-get"] })) {
    throw new Fault(`the tests need ${debian}; install it (Debian: sudo apt-get install ${debian}) and run this again`);
  }
  say(`installing ${debian} (apt-get)…`);
  const began = performance.now();
  await apt("update");
  await apt("install", "-y", "--no-install-recommends", debian);
  say(`installed ${debian} in ${((performance.now() - began) / 1000).toFixed(1)} s`);
}

/** @param {string[]} args */
async function apt(...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const code = await exitCodeOf(
    startChild(["apt-get", "-q", ...args], { env, detached: false, stdio: ["ignore", 2, 2] }),
  );
  if (code !== 0) throw new Fault(`apt-get ${args.join(" ")} failed with exit code ${code}; what it said is above`);
}

/** @param {string} file */
function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
