import { randomUUID } from "node:crypto";
import type { Stop } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import type { Command, InstanceRecord } from "../protocol/instance.ts";
import { Backoff } from "./backoff.ts";
import { watchHealth } from "./health.ts";
import type { InstanceParts } from "./instance-parts.ts";
import { orderOf, requireStartable } from "./order.ts";
import { bootId } from "./proc.ts";
import { Run } from "./run.ts";
import type { Goal, State } from "./state-file.ts";
import type { StoredRecord } from "./stored-record.ts";
import type { Template } from "./template.ts";
import { actOf } from "./transitions.ts";
import { detach, messageOf } from "./trouble.ts";

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

  /** Goes on with what a supervisor before this one left: a process, the trace of one, or a start that it was told to make. */
  adopt({ goal, launch, boot }: State): void {
    this.#goal = goal;
    this.#launch = launch;
    if (launch !== "") {
      this.#follow(Run.adopt(this.#runParts(launch), boot));
      if (goal !== "run") this.#run?.stop();
    } else if (this.record.status === "starting") {
      this.#detach(this.#inTurn(() => this.#startStill()));
    } else if (this.record.status !== "failed" && this.record.status !== "stopped") {
      this.#stay({ ...this.record, status: "stopped", pid: null });
    }
  }

  /** Keeps what is known of a new one. Throws what the system says when it cannot. */
  begin(): void {
    this.#goal = "stop";
    this.#save();
  }

  /** Does what a command asks when the instance is in a state for it. Throws `conflict` when not. */
  take(command: Command): Promise<void> {
    return this.#inTurn(() => this.#take(command));
  }

  /** Another node has the name: what runs of it here ends, and then this node forgets it. */
  lose(): Promise<void> {
    return this.#inTurn(async () => {
      this.#rest();
      this.#goal = "stop";
      if (this.#run === undefined) return this.#forget();
      // The supervisor after this one knows then that it is to end.
      this.#keep();
      this.#run.stop();
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
    if (stored.isGone) throw new Failure("instance_not_found", `There is no instance "${record.name}" any more`);
    const act = actOf(command, record.name, record);
    if (act === "launch") await this.#begin();
    if (act === "halt") await this.#halt();
    if (act === "cycle") await this.#cycle();
    if (act === "archive") await this.#commit({ archived_at: new Date(this.#parts.clock.now()).toISOString() });
    if (act === "unarchive") await this.#commit({ archived_at: null });
    if (act === "remove") {
      await stored.remove();
      this.#forget();
    }
  }

  async #begin(): Promise<void> {
    requireStartable(this.#parts.template, this.record);
    const port = await this.#parts.portFor(this.record);
    const goal = this.#goal;
    this.#goal = "run";
    await this.#commit({ status: "starting", port, pid: null, restarts: 0 }).catch((thrown: unknown) => {
      this.#goal = goal;
      throw thrown;
    });
    this.#backoff?.reset();
    // Whoever asked has an answer now: to start takes its turn behind the other instances of this node.
    this.#detach(this.#inTurn(() => this.#startStill()));
  }

  /** Starts what is to be started, unless it was stopped meanwhile. */
  async #startStill(): Promise<void> {
    if (this.#goal !== "run" || this.record.status !== "starting" || this.#run || this.#isClosed) return;
    await this.#start();
  }

  async #halt(): Promise<void> {
    if (this.#run !== undefined) return this.#end("stop");
    this.#launch = "";
    await this.#commit({ status: "stopped", pid: null });
    this.#rest();
  }

  async #cycle(): Promise<void> {
    requireStartable(this.#parts.template, this.record);
    await this.#end("cycle");
  }

  async #end(goal: Goal): Promise<void> {
    await this.stored.commit({ ...this.record, status: "stopping" });
    this.#rest();
    this.#goal = goal;
    this.#keep();
    this.#run?.stop();
  }

  /** Changes the record by a command. Throws as `StoredRecord.commit` does. */
  async #commit(change: Partial<InstanceRecord>): Promise<void> {
    await this.stored.commit({ ...this.record, ...change });
    this.#keep();
  }

  /** Starts the process; whatever is in the way counts as an end of it. */
  async #start(): Promise<void> {
    const { template, states, logs, environment, report } = this.#parts;
    if (!template) return this.#settle(null);
    const launch = randomUUID();
    try {
      const order = orderOf({ template, states, logs, environment }, this.record, launch);
      this.#launch = launch;
      // After a crash in the middle of this the processes are known by the launch.
      this.#save();
      this.#follow(await Run.start(this.#runParts(launch), order));
    } catch (thrown) {
      report(`Instance ${this.record.name} cannot be started: ${messageOf(thrown)}`);
      // What is not allowed now will not be in a moment either.
      if (thrown instanceof Failure) return this.#stay({ ...this.record, status: "failed", pid: null });
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
    this.#detach(run.pid.then((pid) => this.#when(run, () => this.#tell({ ...this.record, pid: pid ?? null }))));
    this.#detach(run.ended.then((code) => this.#when(run, () => this.#ended(code))));
    if (this.#goal === "run") this.#watch(run);
  }

  #watch(run: Run): void {
    const { clock, template } = this.#parts;
    if (!template) return;
    const healthy = () => this.#detach(this.#when(run, () => this.#healthy()));
    const hung = () => this.#detach(this.#when(run, () => this.#hung()));
    const told = { healthy, hung, detach: this.#detach };
    this.#stopWatching = watchHealth({ clock, rules: template.health, port: this.record.port, ...told });
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
    this.#stopWaiting = clock.after(delayMs, () => this.#detach(this.#inTurn(() => this.#again(this.record))));
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
    if (this.stored.isGone) return this.#forget();
    this.#launch = "";
    this.#tell(record);
  }

  #tell(record: InstanceRecord): void {
    this.stored.note(record);
    this.#keep();
  }

  #save(): void {
    this.#parts.states.save({ record: this.record, goal: this.#goal, launch: this.#launch, boot: bootId() });
  }

  /** Saves, and goes on when that fails: what runs is looked after all the same. */
  #keep(): void {
    try {
      this.#save();
    } catch (thrown) {
      this.#parts.report(`The state of instance ${this.record.name} cannot be kept: ${messageOf(thrown)}`);
    }
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

  readonly #detach = (work: Promise<void>) => detach(`instance ${this.record.name}`, work, this.#parts.report);

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#doing.then(work);
    // The caller has the reason; the next in line goes on.
    this.#doing = done.catch(() => {});
    return done;
  }
}
