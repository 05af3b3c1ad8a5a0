import type { Bus, Table } from "../bus/bus.ts";
import { inBackground } from "../protocol/background.ts";
import type { Clock, Stop } from "../protocol/clock.ts";
import { Failure } from "../protocol/failure.ts";
import {
  type CommandAnswer,
  type CommandRequest,
  instancesTable,
  managedSubject,
  supervisorSubject,
} from "../protocol/instance.ts";
import { Opening } from "../protocol/opening.ts";
import { anyOrg } from "../protocol/subject.ts";
import { catalogueOf, type Offer } from "./catalogue.ts";
import { type Found, StoredRows } from "./found.ts";
import { Nodes } from "./nodes.ts";
import { choosePlace } from "./place.ts";
import { Register } from "./register.ts";
import { parseCommandAnswer, type Row } from "./row.ts";
import { Watch } from "./watch.ts";

const patienceMs = 5000;
const judgeEveryMs = 500;
const utf8 = new TextEncoder();

/**
 * All instances as a gateway sees them: their records, the nodes that run them, and the way commands take there.
 *
 * Every method that takes a command throws `bus_away` while the bus is away, and `node_away` when the node does not answer.
 */
export class Fleet {
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #report: (fault: unknown) => void;
  readonly #register: Register;
  readonly #stored: StoredRows;
  readonly #nodes: Nodes;
  readonly #stops: Stop[] = [];
  #table: Table | undefined;
  readonly #opening = new Opening(() => this.#openTable());
  #isClosed = false;

  constructor({ bus, clock, report, warn = report }: FleetParts) {
    this.#bus = bus;
    this.#clock = clock;
    this.#report = report;
    this.#register = new Register(clock);
    this.#stored = new StoredRows(() => this.#reachable(), this.#register);
    this.#nodes = new Nodes({ clock, report: warn });
  }

  /**
   * Begins to listen and to read; while the bus is away it returns, and reads as soon as the bus is up.
   *
   * Throws when the table on the bus has another configuration.
   */
  async start(): Promise<void> {
    this.#stops.push(
      this.#bus.subscribe(anyOrg("heartbeats.*"), (said) => this.#nodes.hear(said)),
      this.#bus.onState((state) => {
        if (state === "away") return this.#nodes.deafen();
        this.#nodes.listen();
        inBackground("opening the table of instances", this.#opening.open(), this.#report);
      }),
    );
    if (this.#bus.state === "up") this.#nodes.listen();
    await this.#opening.open();
  }

  /** Stops listening and reading. */
  close(): void {
    this.#isClosed = true;
    for (const stop of this.#stops.splice(0)) stop();
    this.#nodes.deafen();
  }

  /** The instances of an org, by name; from memory, so that they are there while the bus is away. Throws `bus_away`. */
  async list(org: string): Promise<Row[]> {
    await this.#register.read();
    const rows = [...this.#register.entries()].filter((entry) => entry.org === org).map(({ row }) => row);
    return rows.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The instance of that name. Throws `instance_not_found`, `bus_away`. */
  async get(org: string, name: string): Promise<Row> {
    const found = this.#bus.state === "up" ? await this.#stored.find(org, name) : await this.#remembered(org, name);
    if (found?.row) return found.row;
    throw noInstance(name);
  }

  /** The templates that an instance can be made of now, each with its nodes. */
  async templates(org: string): Promise<Offer[]> {
    await this.#nodes.settled();
    return catalogueOf(this.#nodes.of(org).filter(({ isAway }) => !isAway));
  }

  /** The nodes of an org, by name: those that were heard of, and those that records name. */
  async nodes(org: string): Promise<NodeStatus[]> {
    await this.#nodes.settled();
    const known = new Map<string, NodeStatus>();
    for (const { org: inOrg, owner } of this.#register.entries()) {
      const node = inOrg === org ? owner.node : undefined;
      if (node !== undefined) known.set(node, { node, seen_at: null, is_away: this.#nodes.isAway(org, node) });
    }
    for (const { node, seenMs, isAway } of this.#nodes.of(org)) {
      known.set(node, { node, seen_at: new Date(seenMs).toISOString(), is_away: isAway });
    }
    return [...known.values()].sort((a, b) => (a.node < b.node ? -1 : 1));
  }

  /**
   * Has an instance made: on `node`, or else where the template is and the fewest instances are.
   *
   * Throws `conflict` when the name is taken, `unknown_template`, `bad_request` for its parameters.
   */
  async create(org: string, request: CreateRequest, node?: string): Promise<CommandAnswer> {
    const known = await this.#stored.find(org, request.name);
    if (known) return this.#createAgain(org, request, known);
    const { template } = request;
    const isOffered = () =>
      this.#nodes.of(org).some(({ templates }) => templates.some(({ name }) => name === template));
    if (node === undefined) await this.#nodes.settled(isOffered);
    const place = node ?? choosePlace(template, this.#nodes.of(org), this.#countsOf(org));
    return this.#ask(org, place, request);
  }

  /**
   * Passes a command to the node that has the instance. A row of which no node can be told is deleted here.
   *
   * Throws `instance_not_found`, `conflict` when the instance is not in a state for it or is not run by us.
   */
  async command(org: string, request: CommandRequest): Promise<CommandAnswer> {
    const node = await this.#ownerFor(org, request);
    return node === undefined ? this.#strike(org, request.name, node) : this.#ask(org, node, request);
  }

  /**
   * Deletes an instance like the command `delete`, or, when its node is away, its row alone. A node that comes back shows
   * its instance again, unless another node has the name by then.
   */
  async forceDelete(org: string, request: CommandRequest): Promise<CommandAnswer> {
    const node = await this.#ownerFor(org, request);
    if (node === undefined) return this.#strike(org, request.name, node);
    try {
      return await this.#send(org, node, request);
    } catch (thrown) {
      const { code } = Failure.from(thrown);
      // One that is only slow to answer is still there and would contradict.
      const isGone = code === "no_responder" || (code === "bus_away" && this.#nodes.isAway(org, node));
      if (!isGone) return this.#unanswered(node, thrown);
      return this.#strike(org, request.name, node);
    }
  }

  async #openTable(): Promise<void> {
    const table = await this.#bus.table(instancesTable);
    if (this.#isClosed) return;
    this.#table = table;
    const watch = new Watch({ table, register: this.#register, nodes: this.#nodes, report: this.#report });
    this.#stops.push(
      table.follow(this.#register),
      this.#clock.every(judgeEveryMs, () => {
        this.#nodes.judge();
        if (this.#bus.state === "up") watch.look();
      }),
    );
  }

  /** The table, when commands can be given. */
  #reachable(): Table {
    if (this.#bus.state === "up" && this.#table) return this.#table;
    throw new Failure("bus_away", "The bus is away; nothing was done, try again");
  }

  async #remembered(org: string, name: string): Promise<Pick<Found, "row"> | undefined> {
    await this.#register.read();
    return this.#register.find(org, name);
  }

  /** A name that is taken is refused, unless the same request has taken it. */
  async #createAgain(org: string, request: CreateRequest, { owner }: Found): Promise<CommandAnswer> {
    const node = owner?.node;
    const where = node === undefined ? "" : ` on node '${node}'`;
    const taken = new Failure("conflict", `'${request.name}' already exists${where}; choose another name`);
    if (request.id === undefined || node === undefined) throw taken;
    return this.#ask(org, node, request).catch((thrown: unknown) => {
      const { code } = Failure.from(thrown);
      throw code === "node_away" || code === "unknown_template" ? taken : thrown;
    });
  }

  /** The node that is to carry out a command; undefined when a row that names none is to be deleted. */
  async #ownerFor(org: string, { name, id, command }: CommandRequest): Promise<string | undefined> {
    const managed = await this.#stored.managed(org, name);
    if (managed?.owner?.node !== undefined) return managed.owner.node;
    if (managed && command === "delete") return undefined;
    // One who asks again whether a deletion was done has to be answered by the one who did it.
    const former = id === undefined ? undefined : this.#register.formerOwner(org, name);
    if (!managed && former !== undefined) return former;
    if (managed) throw new Failure("conflict", `The row of instance '${name}' names no node; delete it`);
    throw (await this.#stored.published(org, name)) ? foreign(name) : noInstance(name);
  }

  #ask(org: string, node: string, request: CommandRequest): Promise<CommandAnswer> {
    return this.#send(org, node, request).catch((thrown: unknown) => this.#unanswered(node, thrown));
  }

  async #send(org: string, node: string, request: CommandRequest): Promise<CommandAnswer> {
    const data = utf8.encode(JSON.stringify(request));
    const answer = parseCommandAnswer(await this.#bus.request(supervisorSubject(org, node), data, patienceMs));
    await this.#catchUp();
    return answer;
  }

  #unanswered(node: string, thrown: unknown): never {
    const { code } = Failure.from(thrown);
    if (code === "no_responder") throw new Failure("node_away", `Node '${node}' is away; nothing was done`);
    if (code !== "bus_away") throw thrown;
    const advice = "it may have done it or not; look, or repeat it with the same Idempotency-Key";
    if (this.#bus.state === "up") throw new Failure("node_away", `Node '${node}' did not answer; ${advice}`);
    throw new Failure("bus_away", `The bus went away before node '${node}' answered; ${advice}`);
  }

  /** Whoever has been answered finds in the next list what was done. */
  async #catchUp(): Promise<void> {
    try {
      const bounds = await this.#table?.bounds();
      await this.#register.reach(bounds?.last ?? 0);
    } catch {
      // The command was answered all the same.
    }
  }

  /** Removes the row of an instance whose node is away, or that names none. */
  async #strike(org: string, name: string, node: string | undefined): Promise<CommandAnswer> {
    const found = await this.#stored.managed(org, name);
    if (!found || found.owner?.node !== node) throw noInstance(name);
    await this.#reachable().put(managedSubject(org, name), new Uint8Array(0), { expected: found.position });
    await this.#catchUp();
    return { instance: null, duplicate: false };
  }

  /** How many instances each node has. */
  #countsOf(org: string): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { org: inOrg, row, owner } of this.#register.entries()) {
      const node = inOrg === org && row.archived_at === null ? owner.node : undefined;
      if (node !== undefined) counts.set(node, (counts.get(node) ?? 0) + 1);
    }
    return counts;
  }
}

/** A node as the API shows it. */
export interface NodeStatus {
  readonly node: string;
  /** When it was heard last, ISO 8601; null when only records tell of it. */
  readonly seen_at: string | null;
  readonly is_away: boolean;
}

/** The command `create`. */
export interface CreateRequest extends CommandRequest {
  readonly command: "create";
  readonly template: string;
}

interface FleetParts {
  readonly bus: Bus;
  readonly clock: Clock;
  /** Hears of a table that turned out, after the start, not to do. */
  readonly report: (fault: unknown) => void;
  /** Hears of what is said in the name of a node and is no heartbeat, which is no defect. Default: `report`. */
  readonly warn?: (fault: unknown) => void;
}

function noInstance(name: string): Failure {
  return new Failure("instance_not_found", `No instance named '${name}'`);
}

function foreign(name: string): Failure {
  return new Failure("conflict", `Instance '${name}' is not run by Skein: only who publishes its record can change it`);
}
