import { join } from "node:path";
import { Failure } from "../protocol/failure.ts";
import type { InstanceRecord } from "../protocol/instance.ts";
import { echoed } from "../protocol/limits.ts";
import type { Launch } from "./launch.ts";
import { commandLineOf } from "./params.ts";
import type { StateFiles } from "./state-file.ts";
import type { Template } from "./template.ts";

/** What all starts of an instance have in common. */
export interface Surroundings {
  readonly template: Template;
  readonly states: StateFiles;
  /** Where logs lie. */
  readonly logs: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Throws `unknown_template`, or `bad_request` when the template does not allow the parameters, or no longer. */
export function requireStartable(template: Template | undefined, record: InstanceRecord): void {
  if (!template) {
    throw new Failure("unknown_template", `Node ${record.node} has no template "${echoed(record.template)}"`);
  }
  commandLineOf(template, record);
}

/** What starting an instance means; `id` is what its processes are known by. Throws `bad_request` as `commandLineOf` does. */
export function orderOf(
  { template, states, logs, environment }: Surroundings,
  record: InstanceRecord,
  id: string,
): Launch {
  return {
    files: states.runFiles(id),
    id,
    line: commandLineOf(template, record),
    log: join(logs, `${record.name}.log`),
    rules: template.log,
    environment: { ...environment, SKEIN_INSTANCE: record.name },
  };
}
