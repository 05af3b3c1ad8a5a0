import { mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { diskFiles } from "../../src/logs/disk.ts";
import type { Files } from "../../src/logs/files.ts";
import { Follower, type FollowRules } from "../../src/logs/follow.ts";
import { endOf, type LogPlace, type LogStep } from "../../src/protocol/log.ts";
import { ManualClock } from "../support/clock.ts";

interface SceneOptions {
  readonly from?: "start" | "end";
  readonly path?: string;
  readonly rules?: Partial<FollowRules>;
  readonly files?: Partial<Files>;
}

const rules: FollowRules = { maxLineBytes: 65_536, flushPartialMs: 500, switchAfterMs: 300, lateMs: 5_000 };

/** A folder with a log, and followers of it that look when they are told to. */
export class Scene implements AsyncDisposable {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), "skein-log-")));
  readonly path = join(this.folder, "app.log");
  readonly clock = new ManualClock();
  readonly steps: LogStep[] = [];
  readonly #followers: Follower[] = [];
  #told = 0;
  #birthNs = 0n;

  /** A follower that has begun and looked once. */
  async follow({ from = "start", path = this.path, ...options }: SceneOptions = {}): Promise<Follower> {
    const follower = new Follower({
      path,
      root: this.folder,
      files: { ...diskFiles, watch: () => false, ...options.files },
      clock: this.clock,
      rules: { ...rules, ...options.rules },
      from,
      emit: (step) => void this.steps.push(step),
    });
    this.#followers.push(follower);
    await follower.start();
    await follower.tick();
    return follower;
  }

  /** Makes a file that was born later than all before; file systems tell births in steps of some milliseconds. */
  create(path: string, content: string): void {
    for (;;) {
      writeFileSync(path, content);
      const { birthtimeNs } = statSync(path, { bigint: true });
      if (birthtimeNs > this.#birthNs) {
        this.#birthNs = birthtimeNs;
        return;
      }
      rmSync(path);
    }
  }

  /** What came since the last time: lines, and rotations in brackets. */
  get news(): string[] {
    const fresh = this.steps.slice(this.#told);
    this.#told = this.steps.length;
    return told(fresh);
  }

  /** Where the last step ended. */
  get place(): LogPlace {
    const last = this.steps.at(-1);
    if (!last) throw new Error("No step has come");
    return endOf(last);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#followers.map((follower) => follower.close()));
    rmSync(this.folder, { recursive: true });
  }
}

/** Steps in short: lines, and rotations in brackets. */
export function told(steps: readonly LogStep[]): string[] {
  return steps.flatMap((step) => {
    if (!("rotated" in step)) return step.lines;
    return [step.lost ? `[${step.rotated}, lost: ${step.lost.reason}]` : `[${step.rotated}]`];
  });
}
