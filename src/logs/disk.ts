import type { BigIntStats } from "node:fs";
import { close, constants, fstat, lstat, open, read, readdir, readlink, realpath, stat, watch } from "node:fs";
import { join, sep } from "node:path";
import { Failure } from "../protocol/failure.ts";
import type { FileStat, Files, OpenFile } from "./files.ts";

/** The file system of this machine. Its calls are raw ones with callbacks: an open file costs a number. */
export const diskFiles: Files = {
  async stat(path) {
    const found = await absentIsUndefined(call<BigIntStats>((done) => stat(path, { bigint: true }, done)));
    return found?.isFile() ? fileStat(found) : undefined;
  },

  async open(path, root) {
    const number = await absentIsUndefined(
      call<number>((done) => open(path, openFlags, done)),
      noReader,
    );
    if (number === undefined) return undefined;
    const file = new DiskFile(number);
    try {
      if ((await file.isRegular()) && (await isInside(number, path, root))) return file;
    } catch (trouble) {
      await file.close();
      throw trouble;
    }
    await file.close();
    return undefined;
  },

  async list(directory) {
    return (await absentIsUndefined(call<string[]>((done) => readdir(directory, done)))) ?? [];
  },

  async resolve(path) {
    const [target, itself] = await Promise.all([
      absentIsUndefined(call<string>((done) => realpath.native(path, done))),
      absentIsUndefined(call<BigIntStats>((done) => lstat(path, { bigint: true }, done))),
    ]);
    return target === undefined || !itself ? undefined : { path: target, isLink: itself.isSymbolicLink() };
  },

  watch(path, listener) {
    try {
      const watcher = watch(path, { persistent: false }, () => listener());
      // The system gives up a watch of a file that is gone; polling finds out what became of it.
      watcher.on("error", () => watcher.close());
      return () => watcher.close();
    } catch {
      return false;
    }
  },
};

/** Without O_NONBLOCK, opening a FIFO would wait for its writer for ever, and hold a thread that all others need. */
const openFlags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);
const absent = new Set<unknown>(["ENOENT", "ENOTDIR"]);
/** What a socket or a device without a driver says. */
const noReader = new Set<unknown>([...absent, "ENXIO", "ENODEV"]);

class DiskFile implements OpenFile {
  readonly #number: number;
  #isClosed = false;

  constructor(number: number) {
    this.#number = number;
  }

  async isRegular(): Promise<boolean> {
    return (await this.#stat()).isFile();
  }

  async stat(): Promise<FileStat> {
    return fileStat(await this.#stat());
  }

  read(into: Buffer, at: number): Promise<number> {
    // The number may be another file's by now.
    if (this.#isClosed) return Promise.reject(new Error("The file is closed"));
    return call((done) => read(this.#number, into, 0, into.length, at, done));
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await call<void>((done) => close(this.#number, (trouble) => done(trouble ?? null, undefined)));
  }

  #stat(): Promise<BigIntStats> {
    if (this.#isClosed) return Promise.reject(new Error("The file is closed"));
    return call((done) => fstat(this.#number, { bigint: true }, done));
  }
}

/** Whether what was opened lies in the root, wherever links led. Throws `forbidden` when it does not. */
async function isInside(number: number, path: string, root: string): Promise<boolean> {
  const [home, place] = await Promise.all([realPath(root), realPathOf(number, path)]);
  if (home === undefined || place === undefined) return false;
  if (place.startsWith(home.endsWith(sep) ? home : home + sep)) return true;
  throw new Failure("forbidden", "The log lies outside of the directory of logs");
}

/** Where the opened file is now; asked by name only where the system does not tell. */
async function realPathOf(number: number, path: string): Promise<string | undefined> {
  const opened = await absentIsUndefined(call<string>((done) => readlink(join("/proc/self/fd", `${number}`), done)));
  return opened ?? realPath(path);
}

function realPath(path: string): Promise<string | undefined> {
  return absentIsUndefined(call<string>((done) => realpath.native(path, done)));
}

function fileStat({ dev, ino, size, birthtimeMs, birthtimeNs, mtimeNs, nlink }: BigIntStats): FileStat {
  // Not every runtime tells more of a time than its milliseconds; the name of a file must be the same on all of them.
  const id = `${dev}-${ino}-${birthtimeMs}`;
  return { id, size: Number(size), birthNs: birthtimeNs, changedNs: mtimeNs, links: Number(nlink) };
}

function call<Result>(start: (done: (trouble: Error | null, result: Result) => void) => void): Promise<Result> {
  return new Promise((resolve, reject) =>
    start((trouble, result) => {
      if (trouble) reject(trouble);
      else resolve(result);
    }),
  );
}

function absentIsUndefined<Result>(asked: Promise<Result>, codes = absent): Promise<Result | undefined> {
  return asked.catch((trouble: unknown) => {
    if (trouble instanceof Error && "code" in trouble && codes.has(trouble.code)) return undefined;
    throw trouble;
  });
}
