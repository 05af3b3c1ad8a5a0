import type { Bus, Journal, Table } from "../../src/bus/bus.ts";
import { openEmbeddedBus } from "../../src/bus/embedded.ts";
import { Hub } from "../../src/hub/hub.ts";
import { journalOf, storeOf } from "../../src/stream/subject.ts";
import { instances } from "../../src/streams/instances.ts";
import { messages } from "../../src/streams/messages.ts";
import { runs } from "../../src/streams/runs.ts";
import { ManualClock } from "./clock.ts";
import { protocolLimits } from "./gateway.ts";
import { FleetReplica, ListReplica, type Replica } from "./replica.ts";

const hourMs = 3_600_000;

/** Small enough that every limit is met within a few steps. */
const limits = { ...protocolLimits, queueFrames: 2, queueBytes: 500, ringFrames: 4, replayFrames: 6 };

/** One thing that happens. */
export type Step = { readonly do: string } & Readonly<Record<string, unknown>>;

/** How long a bus may take to tell what it has acknowledged. */
const patienceMs = 3000;

/**
 * Two hubs over a real bus, clients whose sockets stall and are cut and who come back to the other hub, and the truth to
 * compare them with.
 */
export class World {
  readonly clients: Replica[] = [];
  readonly #parts: Parts;
  /** The last valid record of every instance: what a publisher says, and what a node does, which is what is shown. */
  readonly #published = new Map<string, Record<string, unknown>>();
  readonly #owned = new Map<string, Record<string, unknown>>();
  /** The numbers of all events of the run, and of all messages that the filter shows. */
  readonly #run: number[] = [];
  readonly #shown: number[] = [];
  readonly #acks: Promise<unknown>[] = [];
  #number = 0;
  #visits = 0;

  private constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** A world over an embedded bus of its own, whose time passes only in steps `age`. */
  static async open(): Promise<World> {
    const busClock = new ManualClock();
    const bus = await openEmbeddedBus({ file: ":memory:", clock: busClock });
    return World.#over(bus, { age: (ms) => busClock.pass(ms), close: () => bus.close(), org: "default" });
  }

  /** A world over a bus that others use too, in an org of its own; nothing grows old there. */
  static on(bus: Bus, org: string): Promise<World> {
    return World.#over(bus, { age: () => {}, close: async () => {}, org });
  }

  static async #over(bus: Bus, place: Place): Promise<World> {
    const hubClock = new ManualClock();
    const stopwatch = () => hubClock.now();
    const parts = { bus, clock: hubClock, limits, stopwatch, report: console.error };
    const hubs = ["one", "two"].map((gateway) => new Hub([instances, messages, runs], { ...parts, gateway }));
    for (const hub of hubs) await hub.start();
    const fleet = await bus.table(storeOf(instances));
    const said = await bus.journal(journalOf(messages));
    const run = await bus.journal(journalOf(runs));
    return new World({ ...place, hubs, hubClock, fleet, said, run });
  }

  /** Lets one thing happen. */
  async take(step: Step): Promise<void> {
    await this.#steps[step.do]?.(step);
  }

  /** Ends every disturbance and lets everything arrive. */
  async settle(): Promise<void> {
    await Promise.all(this.#acks);
    for (const client of this.clients) client.drain();
    await turns(5);
    for (const client of this.clients) if (!client.isConnected) await client.connect();
    const deadline = Date.now() + patienceMs;
    while ((await this.faults()).length > 0 && Date.now() < deadline) await turns(1);
  }

  /** What is wrong with what the clients have got; nothing when each of them has the truth. */
  async faults(): Promise<string[]> {
    const wrong = await Promise.all(this.clients.map((client) => this.#wrong(client)));
    return [...this.clients.flatMap(({ faults }) => faults), ...wrong.flat()];
  }

  async close(): Promise<void> {
    for (const client of this.clients) client.cut();
    for (const hub of this.#parts.hubs) hub.close();
    await this.#parts.close();
  }

  async #wrong(client: Replica): Promise<string[]> {
    if (client instanceof FleetReplica) return this.#wrongFleet(client);
    if (client instanceof ListReplica) return this.#wrongList(client);
    return ["no such client"];
  }

  readonly #steps: Record<string, (step: Step) => Promise<void> | void> = {
    put: ({ key, value, archived }) => {
      const record = { status: `s${value}`, pid: Number(value) + 1, port: null, archived_at: archived ? "then" : null };
      this.#published.set(`i${key}`, { name: `i${key}`, ...record });
      this.#put(`instances.i${key}`, JSON.stringify(record));
    },
    delete: ({ key }) => {
      this.#published.delete(`i${key}`);
      this.#put(`instances.i${key}`, "");
    },
    own: ({ key, value }) => {
      const record = { status: `owned${value}`, pid: 7, port: null, archived_at: null };
      this.#owned.set(`i${key}`, { name: `i${key}`, ...record });
      this.#put(`managed.i${key}`, JSON.stringify(record));
    },
    disown: ({ key }) => {
      this.#owned.delete(`i${key}`);
      this.#put(`managed.i${key}`, "");
    },
    garbage: ({ key }) => {
      // Where a node's row is shown, a publisher's is as a gateway finds it that starts afresh.
      if (this.#owned.has(`i${key}`)) this.#published.delete(`i${key}`);
      this.#put(`instances.i${key}`, '{"status":5}');
    },
    event: ({ from }) => this.#say(`a${from}`),
    connect: async ({ kind }) => {
      const client = this.#client(Number(kind));
      this.clients.push(client);
      await client.connect();
    },
    cut: (step) => this.#pick(step)?.cut(),
    resume: (step) => this.#pick(step)?.connect(),
    stall: (step) => this.#pick(step)?.stall(),
    drain: (step) => this.#pick(step)?.drain(),
    filter: (step) => {
      const client = this.#pick(step);
      if (!(client instanceof FleetReplica) || !client.say({ type: "set_include_archived", value: step.value })) return;
      client.query = { include_archived: step.value };
      // A cursor belongs to the query that it was given under.
      client.cursor = undefined;
    },
    age: async ({ hours }) => {
      await Promise.all(this.#acks);
      this.#parts.age(Number(hours) * hourMs);
      this.#parts.hubClock.pass(60_000);
    },
    turn: () => turns(1),
  };

  #pick({ client }: Step): Replica | undefined {
    return this.clients[Number(client) % Math.max(1, this.clients.length)];
  }

  #client(kind: number): Replica {
    const { org } = this.#parts;
    if (kind < 2)
      return new FleetReplica(() => this.#hub().channel(instances, org, {}), { include_archived: kind === 1 });
    if (kind === 2) return new ListReplica(() => this.#hub().channel(messages, org, {}), { instance: "a0", recent: 3 });
    return new ListReplica(() => this.#hub().channel(runs, org, { run_id: "r1" }), {});
  }

  /** The hubs in turn: whoever comes back, comes back to the other one. */
  #hub(): Hub {
    const { hubs } = this.#parts;
    const [hub] = hubs.slice(this.#visits++ % hubs.length);
    if (!hub) throw new Error("A world has hubs");
    return hub;
  }

  #put(tail: string, body: string): void {
    this.#acks.push(this.#parts.fleet.put(`skein.${this.#parts.org}.${tail}`, bytes(body)));
  }

  #say(from: string): void {
    const n = ++this.#number;
    this.#run.push(n);
    if (from === "a0") this.#shown.push(n);
    const event = { event: "sent", from, to: "b", message_type: "t", detail: `${n}` };
    this.#acks.push(this.#parts.said.append(`skein.${this.#parts.org}.messages.m${n}`, bytes(JSON.stringify(event))));
    this.#acks.push(
      this.#parts.run.append(`skein.${this.#parts.org}.runs.r1`, bytes(JSON.stringify({ type: "task_end", n }))),
    );
  }

  #wrongFleet({ rows, includesArchived, query }: FleetReplica): string[] {
    const wanted = (query as { include_archived: boolean }).include_archived;
    const truth = [...new Map([...this.#published, ...this.#owned]).values()].filter(
      ({ archived_at }) => wanted || archived_at === null,
    );
    const said = JSON.stringify([...rows.values()].map(sorted).sort());
    const true_ = JSON.stringify(truth.map(sorted).sort());
    return said === true_ && wanted === includesArchived ? [] : [`the fleet is ${true_}, the client has ${said}`];
  }

  async #wrongList({ numbers, missing, query }: ListReplica): Promise<string[]> {
    const isRun = Object.keys(query as object).length === 0;
    const all = isRun ? this.#run : this.#shown;
    const kept = await this.#kept(isRun);
    const least = isRun ? kept : Math.min(3, kept);
    const tail = all.slice(all.length - numbers.length);
    const isTail = JSON.stringify(tail) === JSON.stringify(numbers);
    return isTail && numbers.length >= least && missing === 0
      ? []
      : [`${numbers} is not the end of ${all}, or less than ${least}, or ${missing} are missing`];
  }

  /** How many events that the client may see are still on the bus. */
  async #kept(isRun: boolean): Promise<number> {
    const { run, said, org } = this.#parts;
    const subject = isRun ? `skein.${org}.runs.r1` : `skein.${org}.messages.*`;
    const { messages: found } = await (isRun ? run : said).read({ subject, after: 0, upTo: 1e9, limit: 1e9 });
    const text = new TextDecoder();
    return found.filter(({ data }) => isRun || text.decode(data).includes('"from":"a0"')).length;
  }
}

/** Lets the event loop turn. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count * 4; i++) await new Promise((resolve) => setImmediate(resolve));
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function sorted(row: object): string {
  return JSON.stringify(Object.fromEntries(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1))));
}

interface Place {
  readonly org: string;
  /** Lets the bus grow older. */
  readonly age: (ms: number) => void;
  readonly close: () => Promise<void>;
}

interface Parts extends Place {
  readonly hubs: readonly Hub[];
  readonly hubClock: ManualClock;
  readonly fleet: Table;
  readonly said: Journal;
  readonly run: Journal;
}
