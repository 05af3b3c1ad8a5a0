import { basename } from "node:path";
import { environmentForTools } from "../config.ts";
import { systemClock } from "../protocol/clock.ts";
import { endLike, runCommand } from "./child.ts";
import type { Destination } from "./destination.ts";
import { say } from "./exec.ts";
import { maskedWords } from "./masking.ts";
import { Outbox } from "./outbox.ts";

/** What a pipeline is called, and how it is told. */
export interface RunOptions {
  readonly destination: Destination;
  readonly crew: string;
  readonly run: string;
  readonly agent: string;
  /** What the pipeline is called; the name of its program unless another is given. */
  readonly name?: string;
  readonly flush: number;
  /** The run that this one is part of; undefined when it is part of none. */
  readonly parent: string | undefined;
}

/** Runs a pipeline as a run and ends this process as the pipeline ends. */
export async function runPipeline(words: readonly string[], options: RunOptions): Promise<void> {
  const { destination, crew, run, agent, parent } = options;
  const outbox = new Outbox(destination, say);
  const tell = (type: string, fields: object) => {
    const timestamp = new Date(systemClock.now()).toISOString();
    outbox.tell(["runs", run], { type, timestamp, run_id: run, crew_id: crew, ...fields });
  };
  const beganMs = performance.now();
  say(`run ${run} of crew ${crew}: ${destination.variables.url}/sse/runs/${encodeURIComponent(run)}`);
  tell("boot", {
    name: options.name ?? basename(words[0] ?? ""),
    argv: maskedWords(words),
    ...(parent !== undefined && { parent_run_id: parent }),
  });
  const environment = environmentForTools({ crew, run, agent, ownRun: run, ...destination.variables });
  const ended = await runCommand({ words, environment, taps: {} });
  const { code: exit_code, signal, fault } = ended;
  if (fault !== undefined) say(fault);
  const duration_s = Math.round(performance.now() - beganMs) / 1000;
  const outcome = { exit_code, duration_s, status: exit_code === 0 ? "success" : "error" };
  const how = signal === null ? `ended with exit code ${exit_code}` : `was ended by ${signal}`;
  if (exit_code !== 0) tell("error", { message: fault ?? `The pipeline ${how}`, exit_code });
  tell("done", outcome);
  await outbox.settle(options.flush);
  endLike(ended);
}
