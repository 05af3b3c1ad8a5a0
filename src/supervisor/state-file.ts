import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type InstanceRecord, instanceStatuses, isPlainName } from "../protocol/instance.ts";
import { jsonIn, maybeJsonIn } from "../protocol/json.ts";

const count = z.int().min(0);

const recordFields = {
  name: z.string().refine(isPlainName, { error: "is no name of an instance" }),
  status: z.enum(instanceStatuses),
  port: count.max(65_535).nullable(),
  pid: count.nullable(),
  archived_at: z.string().nullable(),
  node: z.string().min(1),
  template: z.string(),
  params: z.record(z.string(), z.string()),
  created_at: z.string(),
  exit_code: count.nullable(),
  restarts: count,
};

/** A record as a node writes it into its row, and nothing else. */
const rowShape: z.ZodType<InstanceRecord> = z.strictObject(recordFields);

const goals = ["run", "stop", "cycle"] as const;

/** What is to become of a process: go on, end, or end and begin again. */
export type Goal = (typeof goals)[number];

const stateShape = z.object({
  record: z.object(recordFields),
  goal: z.enum(goals),
  /** By which the processes of the latest start are known; empty when nothing of it can run. It is part of file names. */
  launch: z.string().regex(/^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})?$/),
  /** In which start of the machine that was. */
  boot: z.string(),
});

/** What a node knows about an instance, for the instance's whole life and whatever happens to this process and to the bus. */
export type State = z.infer<typeof stateShape>;

/** The record in a body; undefined when there is none that a node could have written. */
export function parseRecord(data: Uint8Array): InstanceRecord | undefined {
  return rowShape.safeParse(maybeJsonIn(data)).data;
}

/** Whether two records say the same. */
export function isSameRecord(one: InstanceRecord, other: InstanceRecord): boolean {
  // What is parsed has its fields in the order of the shape.
  return JSON.stringify(rowShape.parse(one)) === JSON.stringify(rowShape.parse(other));
}

/** What was kept: what can be used, and in words what cannot. */
export interface Kept {
  readonly states: readonly State[];
  readonly troubles: readonly string[];
}

/** The files in which a supervisor keeps what it must know after its own end. */
export class StateFiles {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(join(directory, "instances"), { recursive: true });
    mkdirSync(join(directory, "runs"), { recursive: true });
  }

  /** What was kept of the instances of a node. A file that cannot be used is left as it is. */
  read(node: string): Kept {
    const states: State[] = [];
    const troubles: string[] = [];
    const files = readdirSync(join(this.#directory, "instances")).filter((file) => file.endsWith(".json"));
    for (const file of files) {
      const path = join(this.#directory, "instances", file);
      try {
        states.push(stateIn(path, { name: file.slice(0, -".json".length), node }));
      } catch (thrown) {
        const why = thrown instanceof Error ? thrown.message : thrown;
        troubles.push(`The state file ${path} is not used, and what it is about is left alone: ${why}`);
      }
    }
    return { states, troubles };
  }

  /** Throws what the system says when it cannot be written. */
  save(state: State): void {
    const path = this.#pathOf(state.record.name);
    writeFileSync(`${path}.new`, JSON.stringify(state));
    renameSync(`${path}.new`, path);
  }

  remove(name: string): void {
    rmSync(this.#pathOf(name), { force: true });
  }

  /** What the names of the files of a launch begin with. */
  runFiles(launch: string): string {
    return join(this.#directory, "runs", launch);
  }

  #pathOf(name: string): string {
    if (!isPlainName(name)) throw new TypeError(`${JSON.stringify(name)} is no name of an instance`);
    return join(this.#directory, "instances", `${name}.json`);
  }
}

/** The state in a file. Throws an Error that says why it has none. */
function stateIn(path: string, wanted: { readonly name: string; readonly node: string }): State {
  const parsed = stateShape.safeParse(jsonIn(readFileSync(path), { what: "it" }));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(`${issue?.path.map(String).join(".") || "it"}: ${issue?.message}`);
  }
  const { name, node } = parsed.data.record;
  if (name !== wanted.name) throw new Error(`it is about an instance "${name}"`);
  if (node !== wanted.node) throw new Error(`it belongs to node "${node}", and this one is "${wanted.node}"`);
  return parsed.data;
}
