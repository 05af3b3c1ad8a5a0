import type { ChildProcess } from "node:child_process";
import { type Clock, pause, type Stop } from "../protocol/clock.ts";
import type { Census } from "./census.ts";
import { type Launch, launch } from "./launch.ts";
import { bootId, type Identity, isAlive, signal, startedAt } from "./proc.ts";
import { exitCodeIn, keepingIn, removeRunFiles } from "./run-files.ts";
import type { Template } from "./template.ts";
import type { Turns } from "./turns.ts";

/** How often an adopted process is looked at: its end is noticed after that long at most. */
const lookEveryMs = 400;
const pidEveryMs = 5;
const leftEveryMs = 50;
/** How long a log may take to be written to its end. */
const logMs = 1000;
/** How long killed processes may take to be gone. */
const killedMs = 2000;

/** What a run needs to know. */
export interface RunParts {
  readonly clock: Clock;
  readonly census: Census;
  /** Starts happen in turns. */
  readonly turns: Turns;
  /** What the names of its files begin with. */
  readonly files: string;
  /** By which its processes are known. */
  readonly id: string;
  readonly stop: Template["stop"];
}

/** One life of a command, from its start to the end of the last process that it began. */
export class Run {
  /** The command's pid as soon as it is known; undefined when it ended before. */
  readonly pid: Promise<number | undefined>;
  /** The exit code when nothing of it is left; null after a signal, or when nobody knows. */
  readonly ended: Promise<number | null>;
  readonly #parts: RunParts;
  /** The leader of its process group; undefined when there is none any more. */
  readonly #leader: Identity | undefined;
  #isOver = false;
  /** When those who were asked to end are killed, in milliseconds since 1970. */
  #deadlineMs: number | undefined;
  #stopKilling: Stop = () => {};

  /** Starts a command. Throws what the system says when it cannot. */
  static async start(parts: RunParts, order: Launch): Promise<Run> {
    const { keeper, logger } = await parts.turns.take(() => launch(order));
    const leader = keeper.pid === undefined ? undefined : identify(keeper.pid);
    return new Run(parts, { leader, exit: exitOf(keeper), logged: exitOf(logger) });
  }

  /** Goes on with what another process started, whether it still runs or not. */
  static adopt(parts: RunParts, boot: string): Run {
    const found = boot === bootId() ? keepingIn(parts.files)?.keeper : undefined;
    const known = found && { ...found, boot };
    const leader = known && isAlive(known) ? known : undefined;
    return new Run(parts, { leader, exit: gone(parts.clock, leader), logged: Promise.resolve() });
  }

  private constructor(parts: RunParts, { leader, exit, logged }: Life) {
    this.#parts = parts;
    this.#leader = leader;
    this.ended = this.#end(exit, logged);
    this.pid = this.#findPid();
  }

  /** Asks all of it to end, and kills what is left after its grace. */
  stop(): void {
    const { clock, stop } = this.#parts;
    if (this.#deadlineMs !== undefined || this.#isOver) return;
    this.#deadlineMs = clock.now() + stop.graceMs;
    this.#stopKilling = clock.after(stop.graceMs, () => this.kill());
    this.#signalGroup(stop.signal);
  }

  /** Kills all of it. */
  kill(): void {
    this.#deadlineMs = this.#parts.clock.now();
    this.#signalGroup("SIGKILL");
  }

  #signalGroup(name: NodeJS.Signals): void {
    if (this.#leader && isAlive(this.#leader)) signal(-this.#leader.pid, name);
  }

  async #findPid(): Promise<number | undefined> {
    const { files, clock } = this.#parts;
    for (;;) {
      const found = keepingIn(files)?.command;
      if (found) return startedAt(found.pid) === found.started ? found.pid : undefined;
      if (this.#isOver) return undefined;
      await pause(clock, pidEveryMs);
    }
  }

  async #end(exit: Promise<void>, logged: Promise<void>): Promise<number | null> {
    const { files, clock } = this.#parts;
    await exit;
    await this.#clear();
    this.#stopKilling();
    await Promise.race([logged, pause(clock, logMs)]);
    const code = exitCodeIn(files);
    this.#isOver = true;
    removeRunFiles(files);
    return code;
  }

  /** Ends whoever outlived the leader: first as a stop does, then by force. */
  async #clear(): Promise<void> {
    const { clock, stop } = this.#parts;
    if ((await this.#left()) === 0) return this.#killGroup();
    if (this.#deadlineMs === undefined) await this.#left(stop.signal);
    this.#deadlineMs ??= clock.now() + stop.graceMs;
    while ((await this.#left()) > 0 && clock.now() < this.#deadlineMs) await pause(clock, leftEveryMs);
    const lastMs = clock.now() + killedMs;
    while ((await this.#left("SIGKILL")) > 0 && clock.now() < lastMs) await pause(clock, leftEveryMs);
    this.#killGroup();
  }

  /**
   * Kills who is left in the group of a leader that has just ended, and hides its environment.
   *
   * As long as there is somebody in a group, its number is given to no other process.
   */
  #killGroup(): void {
    if (this.#leader && startedAt(this.#leader.pid) === undefined) signal(-this.#leader.pid, "SIGKILL");
  }

  /** How many of its processes there are, each of them sent a signal. */
  async #left(name?: NodeJS.Signals): Promise<number> {
    const members = await this.#parts.census.membersOf(this.#parts.id);
    for (const pid of members) if (name) signal(pid, name);
    return members.length;
  }
}

interface Life {
  readonly leader: Identity | undefined;
  /** Settles when the leader has ended. */
  readonly exit: Promise<void>;
  /** Settles when its output is in the log. */
  readonly logged: Promise<void>;
}

function identify(pid: number): Identity | undefined {
  const started = startedAt(pid);
  return started === undefined ? undefined : { pid, started, boot: bootId() };
}

function exitOf(child: ChildProcess): Promise<void> {
  const isOver = child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
  return isOver ? Promise.resolve() : new Promise((resolve) => child.once("exit", resolve));
}

/** Settles when a process is no longer there. */
async function gone(clock: Clock, who: Identity | undefined): Promise<void> {
  while (who && isAlive(who)) await pause(clock, lookEveryMs);
}
