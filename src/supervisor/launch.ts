import { type ChildProcess, execFile, spawn } from "node:child_process";
import { closeSync, constants, openSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { CommandLine } from "./params.ts";
import { mark } from "./proc.ts";
import type { Template } from "./template.ts";

const keepScript = fileURLToPath(new URL("keep.sh", import.meta.url));
const rotateScript = fileURLToPath(new URL("rotate.sh", import.meta.url));

/** What is to be started, and where its output goes. */
export interface Launch {
  /** What the names of the files begin with that keep.sh writes. */
  readonly files: string;
  /** By which its processes are known. */
  readonly id: string;
  readonly line: CommandLine;
  /** The path of the log. */
  readonly log: string;
  readonly rules: Template["log"];
  /** What its environment has besides the template's. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The processes of a launch that are children of this one: whoever keeps the command, and whoever writes its log. */
export interface Launched {
  readonly keeper: ChildProcess;
  readonly logger: ChildProcess;
}

/**
 * Starts a command in a session of its own, with a pipe from its output to `split`, which cuts it into files.
 *
 * The pipe goes past this process, so the end of this process ends neither of the two. Throws what the system says when a
 * pipe cannot be made.
 */
export async function launch(order: Launch): Promise<Launched> {
  const pipe = await openPipe(`${order.files}.pipe`);
  try {
    const logger = spawnLogger(order, pipe.reader);
    await setImmediate();
    return { logger, keeper: spawnKeeper(order, pipe.writer) };
  } finally {
    closeSync(pipe.reader);
    closeSync(pipe.writer);
  }
}

interface Pipe {
  readonly reader: number;
  readonly writer: number;
}

/** A pipe of the kernel; what Node calls one is a socket, and then a command cannot open its own /dev/stdout. */
async function openPipe(path: string): Promise<Pipe> {
  await promisify(execFile)("mkfifo", ["-m", "600", path]);
  // Whoever opens one end alone waits for the other.
  const both = openSync(path, constants.O_RDWR);
  try {
    return { reader: openSync(path, constants.O_RDONLY), writer: openSync(path, constants.O_WRONLY) };
  } finally {
    closeSync(both);
    rmSync(path);
  }
}

function spawnLogger({ log, rules, environment }: Launch, reader: number): ChildProcess {
  const { bytes, files } = rules;
  const filter = `exec /bin/sh "$SKEIN_ROTATE" "$SKEIN_LOG" ${bytes} ${files}`;
  return quiet(
    spawn("split", ["-C", String(bytes), `--filter=${filter}`, "-", "x"], {
      detached: true,
      stdio: [reader, "ignore", "ignore"],
      // split gives its filter to the shell of whoever started it.
      env: { PATH: environment.PATH, SHELL: "/bin/sh", SKEIN_ROTATE: rotateScript, SKEIN_LOG: log },
    }),
  );
}

function spawnKeeper({ files, id, line, environment }: Launch, writer: number): ChildProcess {
  return quiet(
    spawn("/bin/sh", [keepScript, files, resolve(line.cwd), line.command, ...line.args], {
      detached: true,
      stdio: ["ignore", writer, writer],
      env: { ...environment, ...line.env, [mark]: id },
    }),
  );
}

/** A child that neither keeps this process alive nor ends it when it cannot be started: then it has no pid. */
function quiet(child: ChildProcess): ChildProcess {
  child.on("error", () => {});
  child.unref();
  return child;
}
