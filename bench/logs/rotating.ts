import { join } from "node:path";
import { LogClient } from "../../test/support/log-client.ts";
import type { LogFollower } from "../../test/support/log-follower.ts";
import { byHand, byLogrotate, type Mode } from "../../test/support/rotations.ts";
import { torture } from "../../test/support/torture.ts";
import { sleep } from "../clock.ts";
import { startGateway } from "./gateway.ts";
import { rivalFollower, rivalNames } from "./rivals.ts";
import { column, type Row, type Section, type Stage } from "./section.ts";

/** What has not come so long after the last line was written does not come. */
const patienceMs = 3_000;

/** What becomes of lines while a log is rotated, for all followers of one log at once. */
export const rotating: Section = {
  name: "rotations",
  about: "one writer, 5,000 lines/s, one log, all followers at once; clients of Skein are not cut",
  columns: [
    column("rotations", "rotations"),
    column("written", "written"),
    column("lost", "lost"),
    column("lost in silence", "silent"),
    column("twice", "twice"),
    column("late", "late"),
    column("torn", "torn"),
    column("slowest ms", "slowestMs"),
    column("in no file", "unkept"),
  ],
  run: async (stage) => {
    // Who must have opened each file before it goes would wait for GNU tail for ever: it does not see a link change.
    const modes = [...byHand, ...byLogrotate].filter(
      ({ leavesNothing, secondsApart }) => !leavesNothing && !secondsApart,
    );
    const rows: Row[] = [];
    for (const [at, mode] of modes.entries()) rows.push(...(await tortured(stage, mode, `log${at}`)));
    return rows;
  },
};

async function tortured(stage: Stage, mode: Mode, name: string): Promise<Row[]> {
  const { children, directory, options, say } = stage;
  say(`rotations: ${mode.name}`);
  const pattern = join(directory, "{name}", "app.log");
  const { url } = await startGateway(children, pattern);
  const path = pattern.replace("{name}", name);
  const { rotations } = options;
  try {
    const { followers, written, unkept } = await torture<LogFollower>({
      mode,
      rotations,
      path,
      folder: join(directory, `${name}-state`),
      seed: 1,
      follow: () => [
        new LogClient("ws", url, `instances/${name}/logs`),
        ...rivalNames.map((rival) => rivalFollower(rival, path)),
      ],
      patience: () => sleep(patienceMs),
    });
    return followers.map(({ name: follower, ledger }) => ({
      mode: mode.name,
      follower: follower === "ws" ? "skein ws" : follower,
      rotations: mode.name.startsWith("two") ? rotations * 2 : rotations,
      written,
      lost: ledger.missing.size + Math.max(0, written - ledger.last),
      silent: ledger.unannounced.length + Math.max(0, written - ledger.last),
      twice: ledger.duplicates.length,
      late: ledger.disordered.length,
      torn: ledger.tornCount,
      slowestMs: ledger.slowestUs / 1000,
      unkept: mode.losesLines ? unkept.size : 0,
    }));
  } finally {
    await children.stop();
  }
}
