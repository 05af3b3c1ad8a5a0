import type { Clock } from "../protocol/clock.ts";
import type { InstanceRecord } from "../protocol/instance.ts";
import type { Census } from "./census.ts";
import type { StateFiles } from "./state-file.ts";
import type { StoredRecord } from "./stored-record.ts";
import type { Template } from "./template.ts";
import type { Tell } from "./trouble.ts";
import type { Turns } from "./turns.ts";

/** What an instance needs from the node that runs it. */
export interface InstanceParts {
  readonly clock: Clock;
  readonly census: Census;
  readonly turns: Turns;
  readonly stored: StoredRecord;
  /** Undefined when the configuration has it no more: the instance can be stopped then, but not started. */
  readonly template: Template | undefined;
  readonly states: StateFiles;
  /** Where logs lie. */
  readonly logs: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** A port that can be had now: the one of the record, if possible. Throws `conflict` when there is none. */
  readonly portFor: (record: InstanceRecord) => Promise<number | null>;
  readonly report: Tell;
  /** Called when this node knows of it no more. */
  readonly removed: () => void;
}
