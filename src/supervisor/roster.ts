import type { Stored, Table } from "../bus/bus.ts";
import type { Clock } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import type { InstanceRecord } from "../protocol/instance.ts";
import { decodeToken, encodeToken, subjectOf } from "../protocol/subject.ts";
import { Census } from "./census.ts";
import { Instance } from "./instance.ts";
import { paramsOf } from "./params.ts";
import { freePort, isBindable } from "./ports.ts";
import { parseRecord, type State, type StateFiles } from "./state-file.ts";
import { type Shelf, StoredRecord } from "./stored-record.ts";
import type { Templates } from "./template.ts";
import { Turns } from "./turns.ts";

/** What a roster is made of. */
export interface RosterParts {
  readonly clock: Clock;
  readonly org: string;
  readonly node: string;
  readonly templates: Templates;
  readonly states: StateFiles;
  readonly logs: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly report: (trouble: string) => void;
}

/** What an instance is to be made from. */
export interface Recipe {
  readonly name: string;
  readonly template: string;
  readonly params: Readonly<Record<string, string>>;
}

/** As a log may be called. */
const plainName = /^(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,99}$/;

/** Every instance of this node. */
export class Roster {
  readonly #parts: RosterParts;
  readonly #census = new Census();
  readonly #turns = new Turns();
  readonly #instances = new Map<string, Instance>();
  #table: Table | undefined;
  #epoch = "";
  /** The names in the reading of the table that is under way; undefined when none is. */
  #seen: Set<string> | undefined;
  #isAnotherLife = false;
  /** The ports given latest, which may not be in a record yet. */
  readonly #allotted = new Map<string, number>();
  #allotting: Promise<unknown> = Promise.resolve();

  constructor(parts: RosterParts) {
    this.#parts = parts;
  }

  get(name: string): Instance | undefined {
    return this.#instances.get(name);
  }

  /** Goes on with what was kept. */
  adopt(states: readonly State[]): void {
    for (const state of states) {
      if (state.record.node !== this.#parts.node) continue;
      this.#epoch = state.epoch || this.#epoch;
      this.#add(state.record, undefined).adopt(state);
    }
  }

  /** Begins to follow the table; the promise settles when it was read. */
  join(table: Table): { readonly level: Promise<void>; readonly stop: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#table = table;
    const stop = table.follow({
      begin: (epoch) => this.#begin(epoch),
      message: (message) => this.#meet(message),
      level: (position) => {
        this.#level(position);
        resolve();
      },
      gap: () => {},
    });
    return { level: promise, stop };
  }

  /** Makes an instance. Throws `conflict`, `unknown_template` or `bad_request`. */
  async create({ name, template: templateName, params }: Recipe): Promise<Instance> {
    const { node, templates, clock } = this.#parts;
    if (!plainName.test(name)) throw badName(name);
    const template = Object.hasOwn(templates, templateName) ? templates[templateName] : undefined;
    if (!template) throw new Failure("unknown_template", `Node ${node} has no template "${templateName}"`);
    const record: InstanceRecord = {
      name,
      status: "stopped",
      port: null,
      pid: null,
      archived_at: null,
      node,
      template: templateName,
      params: paramsOf(template, params),
      created_at: new Date(clock.now()).toISOString(),
      exit_code: null,
      restarts: 0,
    };
    const port = await this.#portFor(record);
    const instance = this.#add(record, 0);
    try {
      await instance.stored.commit({ ...record, port });
    } catch (thrown) {
      this.#instances.delete(name);
      const failure = Failure.from(thrown);
      throw failure.code === "conflict"
        ? new Failure("conflict", `${name} already exists; choose another name`)
        : failure;
    }
    return instance;
  }

  async close(): Promise<void> {
    const instances = [...this.#instances.values()];
    await Promise.all(instances.map((instance) => instance.close()));
    await Promise.all(instances.map(({ stored }) => stored.settled()));
  }

  #begin(epoch: string): void {
    this.#seen = new Set();
    this.#isAnotherLife = this.#epoch !== epoch;
    if (!this.#isAnotherLife) return;
    this.#epoch = epoch;
    for (const { stored } of this.#instances.values()) stored.forgetPosition();
  }

  #meet(message: Stored): void {
    const { org, node } = this.#parts;
    const name = decodeToken(message.subject.slice(subjectOf(org, "instances.").length));
    if (name === undefined || message.subject !== subjectFor(org, name)) return;
    this.#seen?.add(name);
    const known = this.#instances.get(name);
    if (known) return known.stored.seen(message);
    const record = parseRecord(message.data);
    if (record?.node !== node || record.name !== name || !plainName.test(name)) return;
    this.#add(record, message.position).setRight();
  }

  /** Whoever was not in the table was deleted, unless the whole table is another one: then it is told again. */
  #level(position: number): void {
    const seen = this.#seen ?? new Set();
    this.#seen = undefined;
    for (const [name, { stored }] of this.#instances) {
      if (seen.has(name)) continue;
      if (this.#isAnotherLife) stored.seen(undefined);
      else if (stored.position === undefined || stored.position <= position) stored.lose();
    }
  }

  #add(record: InstanceRecord, position: number | undefined): Instance {
    const { org, clock, templates, states, logs, environment, report } = this.#parts;
    const { name } = record;
    const subject = subjectFor(org, name);
    const shelf: Shelf = {
      clock,
      put: (data, terms) => this.#opened().put(subject, data, terms),
      get: () => this.#opened().get(subject),
      lost: () => void instance.lose(),
    };
    const stored = new StoredRecord(shelf, record, position);
    const instance: Instance = new Instance({
      ...{ clock, census: this.#census, turns: this.#turns, stored, states, logs, environment, report },
      template: Object.hasOwn(templates, record.template) ? templates[record.template] : undefined,
      epoch: () => this.#epoch,
      portFor: (wanting) => this.#portFor(wanting),
      removed: () => {
        this.#instances.delete(name);
        this.#allotted.delete(name);
      },
    });
    this.#instances.set(name, instance);
    return instance;
  }

  #opened(): Table {
    if (this.#table) return this.#table;
    throw new Failure("bus_away", "The table of instances was not read yet; try again");
  }

  /** One port after the other, so that no two instances are given the same. */
  #portFor(record: InstanceRecord): Promise<number | null> {
    const port = this.#allotting.then(() => this.#allot(record));
    this.#allotting = port.then(
      (given) => given !== null && this.#allotted.set(record.name, given),
      () => {},
    );
    return port;
  }

  async #allot({ name, port, template }: InstanceRecord): Promise<number | null> {
    const range = this.#parts.templates[template]?.port;
    if (!range) return null;
    const isInRange = port !== null && port >= range.from && port <= range.to;
    if (isInRange && (await isBindable(port))) return port;
    const others = [...this.#instances.values()].flatMap(({ record }) =>
      record.name === name ? [] : [record.port ?? 0, this.#allotted.get(record.name) ?? 0],
    );
    return freePort(range, new Set(others));
  }
}

function subjectFor(org: string, name: string): string {
  return subjectOf(org, `instances.${encodeToken(name)}`);
}

function badName(name: string): Failure {
  return new Failure(
    "bad_request",
    `An instance cannot be called ${JSON.stringify(name)}: letters, digits and _.@+-, at most 100, not beginning with .@+-`,
  );
}
