import type { FrameBody } from "../protocol/frame.ts";
import type { Fold } from "../stream/define.ts";
import { Newest } from "./newest.ts";
import type { TaskEvent } from "./task-event.ts";

/** The tasks of an instance that are not over, each with its latest update; of too many, the oldest are forgotten. */
export class Unfinished implements Fold<TaskEvent> {
  readonly #instance: string;
  /** The latest update of each task; none of one that is over, so that a late word does not bring it back. */
  readonly #latest = new Newest<TaskEvent | undefined>();

  constructor(instance: string) {
    this.#instance = instance;
  }

  add(event: TaskEvent): void {
    if (event.type !== "task_update") return;
    const { task_id, data } = event;
    const isOver = data.status === "COMPLETED" || data.status === "FAILED";
    const wasOver = this.#latest.has(task_id) && this.#latest.get(task_id) === undefined;
    this.#latest.set(task_id, isOver || (wasOver && data.status == null) ? undefined : event);
  }

  snapshot(shows: (event: TaskEvent) => boolean): readonly FrameBody[] {
    const updates = [...this.#latest.values()].filter((event) => event !== undefined);
    return [{ type: "subscribed", instance_id: this.#instance }, ...updates.filter(shows)];
  }
}
