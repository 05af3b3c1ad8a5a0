import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Bus } from "../bus/bus.ts";
import { isolatedClock, type Report } from "../protocol/background.ts";
import type { Clock, Stop } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import {
  type Heartbeat,
  heartbeatBytesMax,
  heartbeatSubject,
  instancesTable,
  supervisorSubject,
} from "../protocol/instance.ts";
import { Desk } from "./desk.ts";
import { lockDirectory } from "./lock.ts";
import { Roster } from "./roster.ts";
import { StateFiles } from "./state-file.ts";
import { infoOf, type Templates } from "./template.ts";
import { checkTools } from "./tools.ts";
import { detach, messageOf } from "./trouble.ts";

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
  /** Takes what a timer throws. Default: it is reported in words. */
  readonly onException?: Report;
}

const heartbeatEveryMs = 1000;
/** How long a start listens for another supervisor of the same name. */
const namesakeMs = 1000;

/**
 * Runs the instances of one node.
 *
 * The instances outlive it: the next supervisor with the same directory goes on with them.
 */
export class Supervisor {
  readonly #parts: SupervisorParts;
  readonly #clock: Clock;
  #heartbeat: Uint8Array = new Uint8Array(0);
  readonly #stops: Stop[] = [];
  #roster: Roster | undefined;
  #desk: Desk | undefined;

  constructor(parts: SupervisorParts) {
    const { clock, report = () => {}, onException = (fault) => report(messageOf(fault)) } = parts;
    this.#parts = parts;
    this.#clock = isolatedClock(clock, onException);
  }

  /**
   * Takes up what a supervisor before this one left, and takes commands from then on.
   *
   * Resolves when it takes commands and has looked at its rows, or at once while the bus is away. Throws an Error that says
   * what to do when the directory or the name of the node is in use, or something is missing on this machine.
   */
  async start(): Promise<void> {
    const { bus, node, directory, logs = join(directory, "..", "logs"), report = () => {} } = this.#parts;
    this.#heartbeat = heartbeatOf(this.#parts);
    await checkTools();
    mkdirSync(directory, { recursive: true });
    mkdirSync(logs, { recursive: true });
    this.#stops.push(lockDirectory(directory));
    try {
      if (bus.state === "up") await this.#refuseNamesake();
      const states = new StateFiles(directory);
      const rows = bus.rows(instancesTable);
      this.#roster = new Roster({ ...this.#parts, clock: this.#clock, logs, states, rows, report });
      this.#roster.adopt(states.read(node));
      await this.#join(this.#roster);
    } catch (thrown) {
      await this.close();
      throw thrown;
    }
  }

  /** Takes no more commands and lets go of everything; what runs goes on. */
  async close(): Promise<void> {
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

  /** Takes commands, says that it is there, and keeps its rows as they should be. */
  async #join(roster: Roster): Promise<void> {
    const { bus, org, node } = this.#parts;
    const desk = new Desk(roster, this.#clock);
    this.#desk = desk;
    this.#stops.push(
      roster.watch(),
      bus.onState((state) => state === "up" && this.#comeUp(roster)),
      bus.reply(supervisorSubject(org, node), async ({ data }) => encode(await desk.answer(data))),
      this.#clock.every(heartbeatEveryMs, () => this.#beat()),
    );
    if (bus.state === "away") return;
    await roster.reconcile();
    this.#beat();
    // From here on whoever asks is heard.
    await bus.flush();
  }

  /** What was said meanwhile was not heard. */
  #comeUp(roster: Roster): void {
    const { report = () => {} } = this.#parts;
    detach("looking at the rows of this node", roster.reconcile(), report);
    this.#beat();
  }

  #beat(): void {
    const { bus, org, node } = this.#parts;
    if (bus.state === "away") return;
    bus.publish(heartbeatSubject(org, node), this.#heartbeat);
  }
}

/** Throws an Error when the templates are more than a gateway takes. */
function heartbeatOf({ node, templates }: SupervisorParts): Uint8Array {
  const infos = Object.entries(templates).map(([name, template]) => infoOf(name, template));
  const heartbeat: Heartbeat = { node, templates: infos };
  const data = encode(heartbeat);
  if (data.length <= heartbeatBytesMax) return data;
  throw new Error(
    `What gateways are told of the templates is ${data.length} bytes, more than ${heartbeatBytesMax}: shorten descriptions and defaults`,
  );
}

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
