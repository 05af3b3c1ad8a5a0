import * as fs from "node:fs";
import { dirname, join } from "node:path";
import type { LogWriter, Writing } from "./log-writer.ts";
import { configureLogrotate } from "./logrotate.ts";

/** Where a log is rotated. */
export interface Stage {
  /** The log. Nothing else is in its folder. */
  readonly path: string;
  /** A folder for what is not a log. */
  readonly folder: string;
  readonly writer: LogWriter;
}

/** A way to rotate a log. */
export interface Mode {
  readonly name: string;
  readonly writing?: Partial<Writing>;
  /** Whether the old file is gone then, so that only who has opened it before can read it to its end. */
  readonly leavesNothing?: boolean;
  /** Whether the way itself loses lines: those written between the copy and the truncation. */
  readonly losesLines?: boolean;
  /** How many seconds must lie between two rotations, because names are made of them. */
  readonly secondsApart?: number;
  /** Makes what must be there before the writer starts. */
  readonly prepare?: (path: string) => void;
  /** Gives a function that rotates once and settles when the writer is in the new file. */
  readonly rotator: (stage: Stage) => () => Promise<void>;
}

/** How many old files a rotation keeps: more than a follower can be behind. */
const keep = 60;

/** Rotations by hand, which take a millisecond or less. */
export const byHand: readonly Mode[] = [
  { name: "rename and create", rotator: (stage) => () => renameAndCreate(stage) },
  {
    name: "rename, the writer makes the new file",
    writing: { reopen: "path" },
    rotator: ({ path, writer }) => {
      return async () => {
        const { openings } = writer.told;
        shift(path);
        fs.renameSync(path, `${path}.1`);
        await writer.reopens(openings);
      };
    },
  },
  {
    name: "two renames at once",
    writing: { lateLines: 3 },
    rotator: (stage) => async () => {
      await renameAndCreate(stage);
      await renameAndCreate(stage);
    },
  },
  {
    name: "names with a date",
    rotator: ({ path, writer }) => {
      let second = 1_700_000_000;
      return async () => {
        second += 1;
        const day = new Date(second * 1000).toISOString().slice(0, 10).replaceAll("-", "");
        fs.renameSync(path, `${path}-${day}-${second}`);
        create(path);
        await writer.hangUp();
      };
    },
  },
  {
    name: "delete and create",
    leavesNothing: true,
    rotator: ({ path, writer }) => {
      return async () => {
        fs.unlinkSync(path);
        create(path);
        await writer.hangUp();
      };
    },
  },
  { name: "a link that leads elsewhere", leavesNothing: true, prepare: linkFirst, rotator: swapLink },
  {
    name: "copy and truncate",
    losesLines: true,
    writing: { reopen: "never", areCut: false },
    rotator:
      ({ path }) =>
      async () => {
        shift(path);
        fs.copyFileSync(path, `${path}.1`);
        fs.truncateSync(path, 0);
      },
  },
];

/** Rotations by logrotate. */
export const byLogrotate: readonly Mode[] = [
  withLogrotate("logrotate, create and SIGHUP", [`rotate ${keep}`, "create 0644"]),
  {
    ...withLogrotate("logrotate, dateext", [`rotate ${keep}`, "create 0644", "dateext", "dateformat -%Y%m%d-%s"]),
    secondsApart: 1.1,
  },
  {
    ...withLogrotate("logrotate, copytruncate", [`rotate ${keep}`, "copytruncate"]),
    losesLines: true,
    writing: { reopen: "never", areCut: false },
  },
];

function withLogrotate(name: string, directives: readonly string[]): Mode {
  return {
    name,
    rotator: ({ path, folder, writer }) => {
      const isTold = !directives.includes("copytruncate");
      const rotate = configureLogrotate({ path, folder, directives, ...(isTold ? { pid: writer.pid } : {}) });
      return async () => {
        const { openings } = writer.told;
        await rotate();
        if (isTold) await writer.reopens(openings);
      };
    },
  };
}

async function renameAndCreate({ path, writer }: Stage): Promise<void> {
  shift(path);
  fs.renameSync(path, `${path}.1`);
  create(path);
  await writer.hangUp();
}

/** Makes room for a new `.1`, as logrotate does it: from the oldest on. */
function shift(path: string): void {
  for (let age = keep; age >= 1; age--) {
    if (fs.existsSync(`${path}.${age}`)) fs.renameSync(`${path}.${age}`, `${path}.${age + 1}`);
  }
  fs.rmSync(`${path}.${keep + 1}`, { force: true });
}

function create(path: string): void {
  fs.closeSync(fs.openSync(path, "a"));
}

/** The file of a link, beside it and under a name that no rotation would give. */
function target(path: string, count: number): string {
  return join(dirname(path), `target-${count}`);
}

function linkFirst(path: string): void {
  create(target(path, 0));
  fs.symlinkSync(target(path, 0), path);
}

/** The way in which Kubernetes and many a deployment change a link: atomically. */
function swapLink({ path, writer }: Stage): () => Promise<void> {
  let count = 0;
  return async () => {
    count += 1;
    create(target(path, count));
    fs.symlinkSync(target(path, count), `${path}.new-link`);
    fs.renameSync(`${path}.new-link`, path);
    await writer.hangUp();
  };
}
