import { randomUUID } from "node:crypto";
import type { Clock, Stop } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import type { Command, InstanceRecord } from "../protocol/instance.ts";
import { Backoff } from "./backoff.ts";
import type { Census } from "./census.ts";
import { watchHealth } from "./health.ts";
import { orderOf } from "./order.ts";
import { bootId } from "./proc.ts";
import { Run } from "./run.ts";
import type { Goal, State, StateFiles } from "./state-file.ts";
import type { StoredRecord } from "./stored-record.ts";
import type { Template } from "./template.ts";
import { actOf } from "./transitions.ts";
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
  /** The present life of the table; empty before it was read. */
  readonly epoch: () => string;
  /** A port that can be had now: the one of the record, if possible. Throws `conflict` when there is none. */
  readonly portFor: (record: InstanceRecord) => Promise<number | null>;
  readonly report: (trouble: string) => void;
  /** Called when it is deleted. */
  readonly removed: () => void;
}

const stopRules: Template["stop"] = { signal: "SIGTERM", graceMs: 5000 };

/** One instance of this node: its record, its process, and what is to become of it. One thing happens to it at a time. */
export class Instance {
  readonly #parts: InstanceParts;
  readonly #backoff: Backoff | undefined;
  #run: Run | undefined;
  #launch = "";
  #goal: Goal = "run";
  #startedMs = 0;
  #isHung = false;
  #isClosed = false;
  #stopWatching: Stop = () => {};
  #stopWaiting: Stop = () => {};
  #doing: Promise<unknown> = Promise.resolve();

  constructor(parts: InstanceParts) {
    this.#parts = parts;
    this.#backoff = parts.template && new Backoff(parts.template.restart);
  }

  get stored(): StoredRecord {
    return this.#parts.stored;
  }

  get record(): InstanceRecord {
    return this.stored.record;
  }

  /** Goes on with what a supervisor before this one left: a process, or the trace of one. */
  adopt({ goal, launch, boot }: State): void {
    this.#goal = goal;
    this.#launch = launch;
    this.#follow(Run.adopt(this.#runParts(launch), boot));
    if (goal !== "run") this.#run?.stop();
  }

  /** Says what is true of a record that nothing was kept about: nothing of it runs. */
  setRight(): void {
    const { status } = this.record;
    if (status === "starting" || status === "running") return void this.#inTurn(() => this.#settle(null));
    if (status === "stopping" || status === "unknown")
      this.stored.note({ ...this.record, status: "stopped", pid: null });
  }

  /** Does what a command asks when the instance is in a state for it. Throws `conflict` when not. */
  take(command: Command): Promise<void> {
    return this.#inTurn(() => this.#take(command));
  }

  /** It was deleted elsewhere: what runs of it ends, and nothing is said about it any more. */
  async lose(): Promise<void> {
    await this.#inTurn(async () => {
      this.#rest();
      this.#goal = "stop";
      this.#run?.stop();
      if (this.#run === undefined) this.#forget();
      else this.#save();
    });
  }

  /** Lets go of it; what runs goes on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#rest();
    await this.#doing;
  }

  async #take(command: Command): Promise<void> {
    const { record, stored } = this;
    if (stored.isLost) throw new Failure("instance_not_found", `There is no instance "${record.name}" any more`);
    const act = actOf(command, record.name, record);
    if (act === "launch") await this.#begin();
    if (act === "halt") await this.#halt();
    if (act === "cycle") await this.#cycle();
    if (act === "archive")
      await stored.commit({ ...record, archived_at: new Date(this.#parts.clock.now()).toISOString() });
    if (act === "unarchive") await stored.commit({ ...record, archived_at: null });
    if (act === "remove") {
      await stored.remove();
      this.#forget();
    }
  }

  async #begin(): Promise<void> {
    const { portFor, stored } = this.#parts;
    if (!this.#parts.template) throw unknownTemplate(this.record);
    const port = await portFor(this.record);
    await stored.commit({ ...this.record, status: "starting", port, pid: null, restarts: 0 });
    this.#backoff?.reset();
    this.#goal = "run";
    // Whoever asked has an answer now: to start takes its turn behind the other instances of this node.
    void this.#inTurn(() => this.#startStill());
  }

  /** Starts what is to be started, unless it was stopped meanwhile. */
  async #startStill(): Promise<void> {
    if (this.#goal !== "run" || this.record.status !== "starting" || this.#run || this.#isClosed) return;
    await this.#start();
  }

  async #halt(): Promise<void> {
    if (this.#run === undefined) {
      await this.stored.commit({ ...this.record, status: "stopped", pid: null });
      this.#rest();
      return this.#parts.states.remove(this.record.name);
    }
    await this.#end("stop");
  }

  async #cycle(): Promise<void> {
    if (!this.#parts.template) throw unknownTemplate(this.record);
    await this.#end("cycle");
  }

  async #end(goal: Goal): Promise<void> {
    await this.stored.commit({ ...this.record, status: "stopping" });
    this.#rest();
    this.#goal = goal;
    this.#save();
    this.#run?.stop();
  }

  /** Starts the process; whatever is in the way counts as an end of it. */
  async #start(): Promise<void> {
    const { template, states, logs, environment, report } = this.#parts;
    if (!template) return this.#settle(null);
    this.#launch = randomUUID();
    // Whoever comes after a crash in the middle of this knows the processes by the launch.
    this.#save();
    const { name } = this.record;
    const order = orderOf({ template, states, logs, environment }, this.record, this.#launch);
    try {
      this.#follow(await Run.start(this.#runParts(this.#launch), order));
    } catch (thrown) {
      report(`Instance ${name} cannot be started: ${thrown instanceof Error ? thrown.message : thrown}`);
      await this.#settle(null);
    }
  }

  #runParts(id: string) {
    const { clock, census, turns, states, template } = this.#parts;
    return { clock, census, turns, id, files: states.runFiles(id), stop: template?.stop ?? stopRules };
  }

  #follow(run: Run): void {
    this.#run = run;
    this.#isHung = false;
    this.#startedMs = this.#parts.clock.now();
    void run.pid.then((pid) => this.#when(run, () => this.#tell({ ...this.record, pid: pid ?? null })));
    void run.ended.then((code) => this.#when(run, () => this.#ended(code)));
    if (this.#goal === "run") this.#watch(run);
  }

  #watch(run: Run): void {
    const { clock, template } = this.#parts;
    if (!template) return;
    const healthy = () => void this.#when(run, () => this.#healthy());
    const hung = () => void this.#when(run, () => this.#hung());
    this.#stopWatching = watchHealth({ clock, rules: template.health, port: this.record.port, healthy, hung });
  }

  async #healthy(): Promise<void> {
    if (this.#goal === "run" && this.record.status !== "running") this.#tell({ ...this.record, status: "running" });
  }

  async #hung(): Promise<void> {
    if (this.#goal !== "run") return;
    this.#parts.report(`Instance ${this.record.name} does not answer on port ${this.record.port}; it is killed`);
    this.#isHung = true;
    this.#run?.kill();
  }

  async #ended(code: number | null): Promise<void> {
    this.#rest();
    this.#run = undefined;
    await this.#settle(code);
  }

  /** What comes after an end. */
  async #settle(code: number | null): Promise<void> {
    const record = { ...this.record, pid: null, exit_code: code };
    if (this.#goal === "stop") return this.#stay({ ...record, status: "stopped" });
    if (this.#goal === "run") return this.#perhapsAgain(record);
    this.#backoff?.reset();
    this.#goal = "run";
    await this.#again({ ...record, status: "starting", restarts: 0 });
  }

  async #perhapsAgain(record: InstanceRecord): Promise<void> {
    const { clock, template, report } = this.#parts;
    const isFailure = this.#isHung || record.exit_code !== 0;
    const policy = template?.restart.policy ?? "never";
    if (policy === "never" || (policy === "on-failure" && !isFailure)) {
      return this.#stay({ ...record, status: isFailure ? "failed" : "stopped" });
    }
    const delayMs = this.#backoff?.next(clock.now(), clock.now() - this.#startedMs);
    if (delayMs === undefined) {
      report(`Instance ${record.name} ended ${record.restarts + 1} times and is not started again`);
      return this.#stay({ ...record, status: "failed" });
    }
    const next: InstanceRecord = { ...record, status: "starting", restarts: record.restarts + 1 };
    this.#tell(next);
    this.#stopWaiting = clock.after(delayMs, () => void this.#inTurn(() => this.#again(this.record)));
  }

  async #again(record: InstanceRecord): Promise<void> {
    const { portFor, report } = this.#parts;
    if (this.#isClosed) return;
    try {
      this.#tell({ ...record, port: await portFor(record) });
    } catch (thrown) {
      report(`Instance ${record.name} cannot be started: ${Failure.from(thrown).message}`);
      return this.#stay({ ...record, status: "failed" });
    }
    await this.#start();
  }

  /** Nothing runs and nothing is to be started. */
  #stay(record: InstanceRecord): void {
    this.stored.note(record);
    this.#parts.states.remove(record.name);
    if (this.stored.isLost) this.#parts.removed();
  }

  #tell(record: InstanceRecord): void {
    this.stored.note(record);
    this.#save();
  }

  #save(): void {
    const { states, epoch } = this.#parts;
    states.save({ record: this.record, goal: this.#goal, launch: this.#launch, boot: bootId(), epoch: epoch() });
  }

  #forget(): void {
    this.#parts.states.remove(this.record.name);
    this.#parts.removed();
  }

  #rest(): void {
    this.#stopWatching();
    this.#stopWaiting();
  }

  /** Does something about a run unless it is over or nobody looks after it any more. */
  #when(run: Run, work: () => void | Promise<void>): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#run === run && !this.#isClosed) await work();
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#doing.then(work);
    this.#doing = done.catch(() => {});
    return done;
  }
}

function unknownTemplate({ template, node }: InstanceRecord): Failure {
  return new Failure("unknown_template", `Node ${node} has no template "${template}"`);
}
