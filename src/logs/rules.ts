import type { Report } from "../protocol/background.ts";
import type { Clock } from "../protocol/clock.ts";
import type { LogStep } from "../protocol/log.ts";
import type { Files } from "./files.ts";

/** How a log is followed. */
export interface FollowRules {
  /** A longer line is cut there and says so: `…[+N bytes]`. Default 65,536. */
  readonly maxLineBytes: number;
  /** An unfinished last line leaves as a line after that much silence, in milliseconds. 0: never. Default 500. */
  readonly flushPartialMs: number;
  /** An empty new file is switched to after that, in milliseconds. Default 300. */
  readonly switchAfterMs: number;
  /** How long a rotated file is still read for late writers, in milliseconds. Default 5,000. */
  readonly lateMs: number;
}

/** What following a log needs. */
export interface FollowParts {
  readonly path: string;
  readonly root: string;
  readonly files: Files;
  readonly clock: Clock;
  readonly rules: FollowRules;
  /** Where following begins in a file that is there at first. */
  readonly from: "end" | "start";
  /** Takes each step, in order; when it gives back a promise, nothing more is read before that settles. */
  readonly emit: (step: LogStep) => void | Promise<void>;
  /** Takes an exception that no request can answer for. Default: `console.error`. */
  readonly onException?: Report;
}
