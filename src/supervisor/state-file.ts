import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type InstanceRecord, instanceStatuses } from "../protocol/instance.ts";

const count = z.int().min(0);

/** A record as a node writes it. */
const recordShape: z.ZodType<InstanceRecord> = z.object({
  name: z.string(),
  status: z.enum(instanceStatuses),
  port: count.nullable(),
  pid: count.nullable(),
  archived_at: z.string().nullable(),
  node: z.string(),
  template: z.string(),
  params: z.record(z.string(), z.string()),
  created_at: z.string(),
  exit_code: count.nullable(),
  restarts: count,
});

const goals = ["run", "stop", "cycle"] as const;

/** What is to become of a process: go on, end, or end and begin again. */
export type Goal = (typeof goals)[number];

const stateShape = z.object({
  record: recordShape,
  goal: z.enum(goals),
  /** By which the processes of the latest start are known. */
  launch: z.string(),
  /** In which start of the machine that was. */
  boot: z.string(),
  /** The life of the table that the record was read from; empty when none was. */
  epoch: z.string(),
});

/** What must be known about an instance that is to run, whatever happens to this process and to the bus. */
export type State = z.infer<typeof stateShape>;

/** The record in a body; undefined when there is none that a node could have written. */
export function parseRecord(data: Uint8Array): InstanceRecord | undefined {
  return recordShape.safeParse(parsed(new TextDecoder().decode(data))).data;
}

/** The files in which a supervisor keeps what it must know after its own end. */
export class StateFiles {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(join(directory, "instances"), { recursive: true });
    mkdirSync(join(directory, "runs"), { recursive: true });
  }

  /** What was kept, but for what cannot be read. */
  all(): State[] {
    const names = readdirSync(join(this.#directory, "instances")).filter((name) => name.endsWith(".json"));
    return names.flatMap((name) => this.#read(join(this.#directory, "instances", name)) ?? []);
  }

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
    return join(this.#directory, "instances", `${name}.json`);
  }

  #read(path: string): State | undefined {
    return stateShape.safeParse(parsed(readFileSync(path, "utf8"))).data;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
