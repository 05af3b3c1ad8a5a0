import type { ExecutionStep, Task } from "../../client/frames.ts";

/** Where a task stands. */
export interface Standing {
  readonly task: string;
  /** As it was published, or `undefined` when only steps were heard of. */
  readonly status: string | undefined;
  /** 0 to 100; undefined when nobody knows. */
  readonly percent: number | undefined;
  readonly message: string | undefined;
  readonly updatedAt: string | undefined;
  readonly isOver: boolean;
  readonly steps: readonly ExecutionStep["data"][];
}

/** The tasks of an instance: those that are not over first, and of each kind the one that was heard last. */
export function standings(tasks: ReadonlyMap<string, Task>): Standing[] {
  const all = [...tasks.values()].map(standingOf);
  return all.sort((a, b) => Number(a.isOver) - Number(b.isOver) || latest(b) - latest(a));
}

/** How many of the tasks are over, and how. */
export function countsOf(all: readonly Standing[]): {
  readonly open: number;
  readonly done: number;
  readonly failed: number;
} {
  const failed = all.filter(({ status }) => status === "FAILED").length;
  const done = all.filter(({ status }) => status === "COMPLETED").length;
  return { open: all.length - failed - done, done, failed };
}

function standingOf({ task_id, update, steps }: Task): Standing {
  const status = update?.status ?? undefined;
  return {
    task: task_id,
    status,
    percent: status === "COMPLETED" ? 100 : (update?.progress ?? undefined),
    message: update?.message ?? undefined,
    updatedAt: update?.timestamp,
    isOver: status === "COMPLETED" || status === "FAILED",
    steps: [...steps.values()],
  };
}

function latest({ updatedAt }: Standing): number {
  const ms = Date.parse(updatedAt ?? "");
  return Number.isNaN(ms) ? 0 : ms;
}
