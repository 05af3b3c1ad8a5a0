import { randomUUID } from "node:crypto";
import { writeSync } from "node:fs";
import { basename } from "node:path";
import { isatty } from "node:tty";
import { environmentForTools } from "../config.ts";
import { type Clock, systemClock } from "../protocol/clock.ts";
import { type Ended, endLike, runCommand } from "./child.ts";
import type { Destination } from "./destination.ts";
import { maskedWords } from "./masking.ts";
import { Outbox } from "./outbox.ts";
import { ProgressWatch, type Watch } from "./progress.ts";

/** Who runs a command, and how it is told. */
export interface ExecOptions {
  readonly destination: Destination;
  readonly crew: string;
  readonly run: string;
  readonly agent: string;
  /** What the command is called; the name of its program unless another is given. */
  readonly tool?: string;
  readonly progress?: Watch | "off";
  /** Whether a command that says something on standard error has not gone well. */
  readonly strict?: boolean;
  /** For how many seconds the command counts as running without a further word of us. */
  readonly lease: number;
  /** How long the end waits for what is not delivered yet, in milliseconds. */
  readonly flush: number;
  /** Whether the run is told of it as a task, too; which is so below `skein run`. */
  readonly isTask: boolean;
}

/** Runs a command as a tool of an agent and ends this process as the command ends. Throws nothing: what fails is said. */
export async function exec(words: readonly string[], options: ExecOptions): Promise<void> {
  const { crew, run, agent, destination } = options;
  const outbox = new Outbox(destination, say);
  const call = new Call(words, { ...options, outbox, clock: systemClock });
  const watch = options.progress ?? (isatty(1) || isatty(2) ? "off" : "percent");
  const progress = watch === "off" ? undefined : new ProgressWatch({ watch, clock: systemClock, tell: call.progress });
  const see = progress && ((chunk: Uint8Array) => progress.see(chunk));
  const hear = (chunk: Uint8Array) => {
    call.complain();
    see?.(chunk);
  };
  const taps = { stdout: see, stderr: options.strict ? hear : see };
  const environment = environmentForTools({ crew, run, agent, ...destination.variables });
  const running = runCommand({ words, environment, taps });
  call.begin();
  const ended = await running;
  if (ended.fault !== undefined) say(ended.fault);
  progress?.end();
  call.end(ended);
  await outbox.settle(options.flush);
  endLike(ended);
}

/** One call of a tool, as it is told. */
class Call {
  readonly #parts: CallParts;
  readonly #words: readonly string[];
  readonly #about: Readonly<Record<string, unknown>>;
  readonly #id = randomUUID();
  readonly #tool: string;
  readonly #beganMs = performance.now();
  readonly #stops: (() => void)[] = [];
  #hasComplained = false;

  constructor(words: readonly string[], parts: CallParts) {
    const { crew, run, agent, tool = basename(words[0] ?? "") } = parts;
    this.#parts = parts;
    this.#words = words;
    this.#tool = tool;
    this.#about = { crew_id: crew, run_id: run, agent_id: agent, tool, call_id: this.#id };
  }

  begin(): void {
    const { lease, clock } = this.#parts;
    this.#graph("tool_start", { params: { argv: maskedWords(this.#words) }, lease_s: lease });
    this.#task("task_start", {});
    this.#stops.push(clock.every((lease * 1000) / 3, () => this.#graph("tool_lease", {})));
  }

  /** Remembers that the command has said something on standard error. */
  complain(): void {
    this.#hasComplained = true;
  }

  progress = (progress: object): void => this.#graph("tool_progress", progress);

  end({ code, signal }: Ended): void {
    for (const stop of this.#stops) stop();
    const well = this.#hasComplained ? "completed_with_errors" : "success";
    const status = code === 0 ? well : "error";
    const duration_s = Math.round(performance.now() - this.#beganMs) / 1000;
    const outcome = { duration_s, exit_code: code, status, ...(signal !== null && { signal }) };
    this.#graph("tool_end", outcome);
    this.#task("task_end", outcome);
  }

  #graph(type: string, fields: object): void {
    this.#tell(["graph", this.#parts.crew], { type, ...this.#about, ...fields });
  }

  #task(type: string, fields: object): void {
    const { isTask, crew, run, agent } = this.#parts;
    if (!isTask) return;
    const about = { run_id: run, crew_id: crew, agent_id: agent, task_id: this.#id, name: this.#tool };
    this.#tell(["runs", run], { type, ...about, ...fields });
  }

  #tell(names: readonly string[], { type, ...event }: { readonly type: string }): void {
    const { outbox, clock } = this.#parts;
    outbox.tell(names, { type, timestamp: new Date(clock.now()).toISOString(), ...event });
  }
}

interface CallParts extends ExecOptions {
  readonly outbox: Outbox;
  readonly clock: Clock;
}

/** Says something without a stream of Node's, which would change how standard error behaves for the command. */
export function say(text: string): void {
  try {
    writeSync(2, `skein: ${text}\n`);
  } catch {
    // Nobody listens, or not now; the command goes before.
  }
}
