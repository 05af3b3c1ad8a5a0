import { z } from "zod";
import { type Row, row } from "./row.ts";

const snapshot = z.object({ type: z.literal("snapshot"), instances: z.array(z.looseObject({ name: z.string() })) });
const delta = z.looseObject({ type: z.string(), name: z.string() });

/** What belongs to a frame and not to the instance that it tells of. */
const frameFields = ["type", "timestamp", "cursor", "reason"];

/** The fleet as the frames of the stream `instances` draw it. */
export class FleetView {
  readonly #rows = new Map<string, Row>();
  readonly #archived: "shown" | "hidden";

  constructor(archived: "shown" | "hidden") {
    this.#archived = archived;
  }

  /** Every instance, by name. */
  get rows(): Row[] {
    return [...this.#rows.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Takes a frame in and gives the names that it told of. */
  apply(frame: unknown): string[] {
    const whole = snapshot.safeParse(frame).data;
    if (whole) {
      this.#rows.clear();
      return whole.instances.flatMap((fields) => (this.#put(fields.name, fields) ? fields.name : []));
    }
    const change = delta.safeParse(frame).data;
    if (change === undefined) return [];
    const { name, type } = change;
    const isGone = type === "instance_deleted" || (type === "instance_archived" && this.#archived === "hidden");
    if (isGone) this.#rows.delete(name);
    else this.#put(name, { ...this.#rows.get(name), ...change });
    return [name];
  }

  get(name: string): Row | undefined {
    return this.#rows.get(name);
  }

  #put(name: string, fields: object): boolean {
    const own = Object.entries(fields).filter(([field]) => !frameFields.includes(field));
    const parsed = row.safeParse(Object.fromEntries(own));
    if (parsed.success) this.#rows.set(name, parsed.data);
    return parsed.success;
  }
}
