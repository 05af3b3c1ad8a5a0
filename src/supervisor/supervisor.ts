import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Bus } from "../bus/bus.ts";
import { type Clock, pause, type Stop } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import { type Heartbeat, heartbeatSubject, supervisorSubject } from "../protocol/instance.ts";
import { Desk } from "./desk.ts";
import { lockDirectory } from "./lock.ts";
import { Roster } from "./roster.ts";
import { StateFiles } from "./state-file.ts";
import { infoOf, type Templates } from "./template.ts";
import { checkTools } from "./tools.ts";

/** What a supervisor is made of. */
export interface SupervisorParts {
  readonly bus: Bus;
  readonly org: string;
  /** What this node is called; no other may be called so. */
  readonly node: string;
  readonly templates: Templates;
  /** Where it keeps what it must know after its own end. One supervisor at a time has it. */
  readonly directory: string;
  /** Where the logs of instances lie, each `<name>.log`. Default: `logs` beside `directory`. */
  readonly logs?: string;
  readonly clock: Clock;
  /** What every instance has in its environment besides what its template says. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Hears in words what a person should know. Default: nobody does. */
  readonly report?: (trouble: string) => void;
}

const heartbeatEveryMs = 1000;
const retryMs = 1000;
/** How long a start listens for another supervisor of the same name. */
const namesakeMs = 1000;

/**
 * Runs the instances of one node.
 *
 * The instances outlive it: the next supervisor with the same directory goes on with them.
 */
export class Supervisor {
  readonly #parts: SupervisorParts;
  readonly #stops: Stop[] = [];
  #roster: Roster | undefined;
  #desk: Desk | undefined;
  #isClosed = false;
  #joining: Promise<void> = Promise.resolve();

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
  }

  /**
   * Takes up what a supervisor before this one left, and takes commands from then on.
   *
   * Resolves when it takes commands, or at once while the bus is away. Throws an Error that says what to do when the
   * directory or the name of the node is in use, or something is missing on this machine.
   */
  async start(): Promise<void> {
    const { bus, directory, logs = join(directory, "..", "logs"), report = () => {} } = this.#parts;
    await checkTools();
    mkdirSync(directory, { recursive: true });
    mkdirSync(logs, { recursive: true });
    this.#stops.push(lockDirectory(directory));
    try {
      if (bus.state === "up") await this.#refuseNamesake();
      const states = new StateFiles(directory);
      this.#roster = new Roster({ ...this.#parts, logs, states, report });
      this.#roster.adopt(states.all());
      this.#joining = this.#join(this.#roster);
      if (bus.state === "up") await this.#joining;
    } catch (thrown) {
      await this.close();
      throw thrown;
    }
  }

  /** Takes no more commands and lets go of everything; what runs goes on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const [unlock, ...stops] = this.#stops.splice(0);
    for (const stop of stops) stop();
    await this.#desk?.close();
    await this.#roster?.close();
    unlock?.();
  }

  /** Two of one name would overwrite each other's records for ever. */
  async #refuseNamesake(): Promise<void> {
    const { bus, org, node } = this.#parts;
    const subject = supervisorSubject(org, node);
    const asked = await bus.request(subject, new Uint8Array(0), namesakeMs).catch(Failure.from);
    if (!(asked instanceof Failure) || asked.code === "bad_request") {
      throw new Error(`Another supervisor answers for node "${node}"; give this one a name of its own`);
    }
  }

  async #join(roster: Roster): Promise<void> {
    const { bus, org, node, clock } = this.#parts;
    while (!this.#isClosed) {
      try {
        const table = await bus.table({ name: "instances", subjects: ["skein.*.instances.*"] });
        if (this.#isClosed) return;
        const { level, stop } = roster.join(table);
        this.#stops.push(stop);
        await level;
        break;
      } catch {
        await pause(clock, retryMs);
      }
    }
    if (this.#isClosed) return;
    const desk = new Desk(roster, clock);
    this.#desk = desk;
    this.#stops.push(
      bus.reply(supervisorSubject(org, node), async ({ data }) => encode(await desk.answer(data))),
      clock.every(heartbeatEveryMs, () => this.#beat()),
    );
    this.#beat();
    // From here on whoever asks is heard.
    await bus.flush();
  }

  #beat(): void {
    const { bus, org, node, templates } = this.#parts;
    if (bus.state === "away") return;
    const infos = Object.entries(templates).map(([name, template]) => infoOf(name, template));
    const heartbeat: Heartbeat = { node, templates: infos };
    bus.publish(heartbeatSubject(org, node), encode(heartbeat));
  }
}

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
