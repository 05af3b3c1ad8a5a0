import type { FrameBody } from "../protocol/frame.ts";
import type { Fold } from "../stream/define.ts";
import type { TaskEvent } from "./task-event.ts";

/** How many tasks are remembered; of more, the oldest are forgotten. */
const most = 10_000;

/** The tasks of an instance that are not over, each with its latest update. */
export class Unfinished implements Fold<TaskEvent> {
  readonly #instance: string;
  /** The latest update of each task; none of one that is over, so that a late word does not bring it back. */
  readonly #latest = new Map<string, TaskEvent | undefined>();

  constructor(instance: string) {
    this.#instance = instance;
  }

  add(event: TaskEvent): void {
    if (event.type !== "task_update") return;
    const { task_id, data } = event;
    const isOver = data.status === "COMPLETED" || data.status === "FAILED";
    const wasOver = this.#latest.has(task_id) && this.#latest.get(task_id) === undefined;
    this.#latest.delete(task_id);
    this.#latest.set(task_id, isOver || (wasOver && data.status == null) ? undefined : event);
    const [oldest] = this.#latest.keys();
    if (this.#latest.size > most && oldest !== undefined) this.#latest.delete(oldest);
  }

  snapshot(shows: (event: TaskEvent) => boolean): readonly FrameBody[] {
    const updates = [...this.#latest.values()].filter((event) => event !== undefined);
    return [{ type: "subscribed", instance_id: this.#instance }, ...updates.filter(shows)];
  }
}
