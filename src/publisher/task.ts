import { z } from "zod";
import { type TaskStep, type TaskUpdate, taskStep, taskUpdate } from "./bodies.ts";
import type { Desk } from "./desk.ts";
import type { Receipt } from "./outlet.ts";

const updated = z.strictObject({ data: taskUpdate });
const stepped = z.strictObject({ data: taskStep });

/** A task of an instance, on the stream `tasks`. */
export class Task {
  readonly #desk: Desk;
  readonly #names: readonly string[];
  readonly #also: Readonly<Record<string, unknown>>;

  constructor(desk: Desk, instance: string, task: string) {
    this.#desk = desk;
    this.#names = ["tasks", instance];
    this.#also = { instance_id: instance, task_id: task };
  }

  /** Says how far it is. */
  update(data: TaskUpdate): Promise<Receipt> {
    const body = { data: this.#timed(data) };
    return this.#desk.event({
      names: this.#names,
      schema: updated,
      body,
      also: { ...this.#also, type: "task_update" },
    });
  }

  /** Says what was done for it. */
  step(data: TaskStep): Promise<Receipt> {
    const also = { ...this.#also, type: "execution_step" };
    return this.#desk.event({ names: this.#names, schema: stepped, body: { data }, also });
  }

  /** An update has its time within. */
  #timed(data: TaskUpdate): TaskUpdate {
    return { timestamp: new Date(this.#desk.clock.now()).toISOString(), ...data };
  }
}
