import type { Rows, Said } from "../bus/bus.ts";
import type { Clock, Stop } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import { type InstanceRecord, instanceIn, isPlainName, managedSubject } from "../protocol/instance.ts";
import { echoed } from "../protocol/limits.ts";
import { subjectOf } from "../protocol/subject.ts";
import { Census } from "./census.ts";
import { Instance } from "./instance.ts";
import { OrphanRows } from "./orphan-rows.ts";
import { paramsOf } from "./params.ts";
import { freePort, isBindable } from "./ports.ts";
import { type Kept, parseRecord, type StateFiles } from "./state-file.ts";
import { type Shelf, StoredRecord } from "./stored-record.ts";
import type { Templates } from "./template.ts";
import { detach, type Tell } from "./trouble.ts";
import { Turns } from "./turns.ts";

/** What a roster is made of. */
export interface RosterParts {
  readonly clock: Clock;
  readonly org: string;
  readonly node: string;
  readonly templates: Templates;
  readonly states: StateFiles;
  /** Where the node's rows stand. */
  readonly rows: Rows;
  readonly logs: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly report: Tell;
}

/** What an instance is to be made from. */
export interface Recipe {
  readonly name: string;
  readonly template: string;
  readonly params: Readonly<Record<string, string>>;
}

/** How many rows are looked at side by side. */
const looksAtOnce = 16;
const lookEveryMs = 1000;
const beginAgainMs = 5000;
/** How long it takes to look at all rows once, while nothing has happened. */
const roundMs = 60_000;

/** Every instance of this node. What it knows comes from commands and from its state files; rows only tell of it. */
export class Roster {
  readonly #parts: RosterParts;
  readonly #census = new Census();
  readonly #turns = new Turns();
  readonly #orphans: OrphanRows;
  readonly #instances = new Map<string, Instance>();
  /** The names that this round has still to look at, and how many of them are due. */
  #round: string[] = [];
  #due = 0;
  #stopBeginning: Stop | undefined;
  #isClosed = false;
  /** The ports given latest, which may not be in a record yet. */
  readonly #allotted = new Map<string, number>();
  #allotting: Promise<unknown> = Promise.resolve();

  constructor(parts: RosterParts) {
    this.#parts = parts;
    this.#orphans = new OrphanRows(parts);
  }

  get(name: string): Instance | undefined {
    return this.#instances.get(name);
  }

  /** Goes on with what was kept, and tells what of it cannot be used. */
  adopt({ states, troubles }: Kept): void {
    for (const trouble of troubles) this.#parts.report(trouble);
    for (const state of states) this.#add(state.record).adopt(state);
  }

  /** Hears what is put on rows of nodes, and looks at each row of its own once a minute. */
  watch(): Stop {
    const { rows, org, clock } = this.#parts;
    const stops = [
      rows.watch(subjectOf(org, "managed.*"), (said) => this.#hear(said)),
      clock.every(lookEveryMs, () => this.#lookOn()),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }

  /**
   * Looks at every row and writes it again where it is not what this node says. When it can look at none, it begins again
   * after a while. Never rejects.
   */
  async reconcile(): Promise<void> {
    const left = [...this.#instances.values()];
    while (left.length > 0 && !this.#isClosed) {
      const looks = await Promise.all(left.splice(0, looksAtOnce).map(({ stored }) => stored.check()));
      if (looks.includes(true) || left.length === 0) continue;
      const { clock, report } = this.#parts;
      this.#stopBeginning?.();
      this.#stopBeginning = clock.after(beginAgainMs, () => detach("looking at rows", this.reconcile(), report));
      return;
    }
  }

  /** Makes an instance. Throws `conflict`, `unknown_template` or `bad_request`. */
  async create({ name, template: templateName, params }: Recipe): Promise<Instance> {
    const { node, templates, clock } = this.#parts;
    if (!isPlainName(name)) throw badName(name);
    const template = Object.hasOwn(templates, templateName) ? templates[templateName] : undefined;
    if (!template) {
      throw new Failure("unknown_template", `Node ${node} has no template "${echoed(templateName)}"`);
    }
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
    const instance = this.#add(record);
    try {
      await instance.stored.claim({ ...record, port });
      instance.begin();
      return instance;
    } catch (thrown) {
      this.#remove(name);
      throw thrown;
    }
  }

  /** What a row says of an instance that this node knows nothing of. See `OrphanRows`. */
  get orphans(): OrphanRows {
    return this.#orphans;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopBeginning?.();
    const instances = [...this.#instances.values()];
    await Promise.all(instances.map((instance) => instance.close()));
    await Promise.all(instances.map(({ stored }) => stored.close()));
  }

  #hear({ subject, data }: Said): void {
    const { org, node, report } = this.#parts;
    const place = instanceIn(subject);
    if (!place?.isManaged || place.org !== org) return;
    const known = this.#instances.get(place.name);
    if (known) return known.stored.heard(data);
    if (parseRecord(data)?.node !== node) return;
    detach(`the row of instance ${place.name}`, this.#orphans.notice(place.name), report);
  }

  #lookOn(): void {
    this.#due += (this.#instances.size * lookEveryMs) / roundMs;
    for (; this.#due >= 1; this.#due--) {
      if (this.#round.length === 0) this.#round = [...this.#instances.keys()];
      const name = this.#round.pop() ?? "";
      const known = this.#instances.get(name);
      if (known) detach(`the row of instance ${name}`, known.stored.check(), this.#parts.report);
    }
  }

  #add(record: InstanceRecord): Instance {
    const { org, clock, templates, rows, states, logs, environment, report } = this.#parts;
    const { name } = record;
    const subject = managedSubject(org, name);
    const shelf: Shelf = {
      clock,
      put: (data, terms) => rows.put(subject, data, terms),
      get: () => rows.get(subject),
      lost: (node) => this.#lose(instance, node),
      report,
    };
    const instance: Instance = new Instance({
      ...{ clock, census: this.#census, turns: this.#turns, states, logs, environment, report },
      stored: new StoredRecord(shelf, record),
      template: Object.hasOwn(templates, record.template) ? templates[record.template] : undefined,
      portFor: (wanting) => this.#portFor(wanting),
      removed: () => this.#remove(name),
    });
    this.#instances.set(name, instance);
    return instance;
  }

  #lose(instance: Instance, node: string): void {
    const { report } = this.#parts;
    const { name } = instance.record;
    report(`Instance ${name} belongs to node ${node} now: what runs of it here is stopped, and it is forgotten`);
    detach(`instance ${name}`, instance.lose(), report);
  }

  #remove(name: string): void {
    this.#instances.delete(name);
    this.#allotted.delete(name);
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
    const { templates } = this.#parts;
    const range = Object.hasOwn(templates, template) ? templates[template]?.port : undefined;
    if (!range) return null;
    const isInRange = port !== null && port >= range.from && port <= range.to;
    if (isInRange && (await isBindable(port))) return port;
    const others = [...this.#instances.values()].flatMap(({ record }) =>
      record.name === name ? [] : [record.port ?? 0, this.#allotted.get(record.name) ?? 0],
    );
    return freePort(range, new Set(others));
  }
}

function badName(name: string): Failure {
  return new Failure(
    "bad_request",
    `An instance cannot be called ${JSON.stringify(echoed(name))}: letters, digits and _.@+-, at most 100, not beginning with .@+-`,
  );
}
