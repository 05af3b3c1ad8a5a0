import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Definition } from "../../src/stream/define.ts";
import { transports } from "../support/client.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { rest } from "../support/rest.ts";
import { bearer } from "../support/tokens.ts";
import { allows, always, type Lists, sees, Truth, Watcher } from "./isolation-fenced.ts";
import { buses } from "./isolation-scene.ts";
import { addressOf, modelled, streams } from "./isolation-streams.ts";
import { strict, tokenOf } from "./isolation-tokens.ts";

const runs = Number(process.env.SEEDS ?? 12);
const instanceNames = ["i-0", "i-1", "j-2", always] as const;
const crewNames = ["k-0", "k-1", "l-2", always] as const;

const instance = fc.constantFrom(...instanceNames);
const crew = fc.constantFrom(...crewNames);
const listed = (...names: string[]) =>
  fc.option(
    fc.subarray(names).map((some) => [...some, always]),
    { nil: undefined, freq: 3 },
  );
const lists: fc.Arbitrary<Lists> = fc
  .record({ instances: listed("i-0", "i-1", "j-2", "i-*", "j*", "i"), crews: listed("k-0", "k-1", "l-2", "k-*", "K*") })
  .map(({ instances, crews }) => ({ ...(instances && { instances }), ...(crews && { crews }) }));

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("row" as const), name: instance, value: fc.nat(3) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("desk" as const), name: instance, crew, value: fc.nat(3) }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("event" as const), crew: fc.option(crew), isPlan: fc.boolean(), lists }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("letter" as const), from: instance, to: instance, lists }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("watch" as const),
      definition: fc.constantFrom(...modelled),
      transport: fc.constantFrom(...transports),
      crew,
      lists,
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("turn" as const), watcher: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("ask" as const), lists }) },
);

type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;

/** One org with its truth, and all who watch it. */
class Fence {
  readonly #org: string;
  readonly #gateways: readonly Gateway[];
  readonly #truth = new Truth();
  readonly #letters: { readonly id: string; readonly from: string; readonly to: string }[] = [];
  readonly #watchers: Watcher[] = [];
  #count = 0;

  constructor(org: string, gateways: readonly Gateway[]) {
    this.#org = org;
    this.#gateways = gateways;
  }

  async take(one: Step): Promise<void> {
    if (one.do === "row") return this.#row(one.name, one.value);
    if (one.do === "desk") return this.#desk(one.crew, one.name, one.value);
    if (one.do === "event") return this.#event(one.crew ?? undefined, one.isPlan, one.lists);
    if (one.do === "letter") return this.#letter(one.from, one.to, one.lists);
    if (one.do === "watch") return this.#watch(one);
    if (one.do === "ask") return this.#ask(one.lists);
    this.#watchers[one.watcher % Math.max(1, this.#watchers.length)]?.turn();
  }

  /** Lets everybody see the same last things, and compares what they know with the truth. */
  async settle(): Promise<void> {
    await this.#row(always, 9);
    for (const one of crewNames) await this.#desk(one, always, 9);
    for (const isPlan of [true, false]) await this.#event(always, isPlan, {});
    const last = `n${this.#count}`;
    await this.#letter(always, always, {});
    for (const watcher of this.#watchers) {
      const { definition, address, lists: own } = watcher.watch;
      const wanted = this.#truth.seenBy(own, definition, address);
      await watcher.until(`"${wanted.at(-1)}"`);
      expect(watcher.known, `${address} ${JSON.stringify(own)} ${last}`).toEqual(wanted);
      for (const raw of watcher.raw) expect(this.#showsOthers(raw, watcher), raw).toBe(false);
    }
    for (const watcher of this.#watchers.slice(0, 1)) await this.#ask(watcher.watch.lists);
  }

  [Symbol.dispose](): void {
    for (const watcher of this.#watchers) watcher[Symbol.dispose]();
  }

  /** Whether a frame has a name in it that is not on its reader's lists; a message may name one beside one of the reader's. */
  #showsOthers(raw: string, { watch: { definition, lists: own } }: Watcher): boolean {
    const said = (names: readonly string[]) => names.filter((name) => raw.includes(`"${name}"`));
    if (said(crewNames).some((name) => !allows(own.crews, name))) return true;
    return definition.path !== "messages" && said(instanceNames).some((name) => !allows(own.instances, name));
  }

  async #row(name: string, value: number): Promise<void> {
    const said = `v${value}`;
    await this.#put(`publish/instances/${name}`, value === 0 ? undefined : { status: said });
    this.#truth.put("instances", name, value === 0 ? undefined : { instances: [name], said });
  }

  async #desk(crewName: string, name: string, value: number): Promise<void> {
    const note = `v${value}`;
    await this.#put(`publish/desks/${crewName}/${name}`, value === 0 ? undefined : { note });
    const thing = { instances: [name], crews: [crewName], said: note };
    this.#truth.put(`desks/${crewName}`, name, value === 0 ? undefined : thing);
  }

  async #event(crewName: string | undefined, isPlan: boolean, own: Lists): Promise<void> {
    const note = `n${++this.#count}`;
    const address = isPlan ? "plans/shared" : "runs/shared";
    const body = { type: "task_start", note, ...(crewName !== undefined && { crew_id: crewName }) };
    const isAllowed = crewName === undefined || allows(own.crews, crewName);
    await this.#say("POST", `publish/${address}`, body, own, isAllowed ? 201 : 403);
    if (isAllowed) this.#truth.append(address, { ...(crewName !== undefined && { crews: [crewName] }), said: note });
  }

  async #letter(from: string, to: string, own: Lists): Promise<void> {
    const message_type = `n${++this.#count}`;
    const isAllowed = allows(own.instances, from);
    const body = { from, to, message_type, payload: message_type };
    const { message_id } = await this.#say("POST", "messages", body, own, isAllowed ? 201 : 403);
    if (!isAllowed) return;
    this.#letters.push({ id: String(message_id), from, to });
    this.#truth.append("messages", { instances: [from, to], said: message_type });
  }

  async #watch({ definition, transport, crew: crewName, lists: own }: Extract<Step, { do: "watch" }>): Promise<void> {
    const address = addressOf(definition, { crew_id: crewName });
    const gateway = this.#gateways[this.#watchers.length % this.#gateways.length];
    const token = await tokenOf({ org: this.#org, ...own });
    const isAllowed = !definition.pathPattern.names.includes("crew_id") || allows(own.crews, crewName);
    const watching = { url: gateway?.url ?? "", token };
    if (isAllowed)
      return void this.#watchers.push(new Watcher({ definition, address, transport, lists: own }, watching));
    const poll = await fetch(`${watching.url}/poll/${address}`, { headers: bearer(token) });
    expect(await poll.json()).toMatchObject({ code: "forbidden" });
  }

  /** Asks for everything over the API. */
  async #ask(own: Lists): Promise<void> {
    // The list comes from memory, which is a moment behind what was published.
    await vi.waitFor(async () => {
      const { instances = [] } = await this.#say("GET", "instances", undefined, own, 200);
      expect(instances.filter(({ name }) => !allows(own.instances, name))).toEqual([]);
      const known = instances.map(({ status }) => status).sort();
      expect(known).toEqual(this.#truth.seenBy(own, definitionOf("instances"), "instances"));
    });
    for (const name of instanceNames) {
      const isAllowed = allows(own.instances, name);
      for (const what of [
        `GET instances/${name}`,
        `GET instances/${name}/logs`,
        `GET instances/${name}/logs/download`,
      ]) {
        const { status } = await this.#rest(what, undefined, own);
        expect(status === 403, `${what} ${JSON.stringify(own)}`).toBe(!isAllowed);
      }
      // What follows would change something if it were allowed.
      if (isAllowed) continue;
      const changes = ["start", "stop", "restart", "archive", "unarchive", "clone"].map(
        (verb) => `instances/${name}/${verb}`,
      );
      for (const path of changes) await this.#say("POST", path, { as: always }, own, 403);
      await this.#say("DELETE", `instances/${name}`, undefined, own, 403);
      await this.#say("POST", "instances", { name, template: "echo" }, own, 403);
      await this.#say("GET", `inbox/${name}`, undefined, own, 403);
      await this.#say("POST", `publish/instances/${name}`, { status: "v1" }, own, 403);
      await this.#say("DELETE", `publish/instances/${name}`, undefined, own, 403);
    }
    for (const { id, from, to } of this.#letters) {
      const isSeen = sees(own, { instances: [from, to], said: id });
      await this.#say("GET", `messages/${id}`, undefined, own, isSeen ? 200 : 403);
      if (!allows(own.instances, to)) await this.#say("POST", `messages/${id}/ack`, { agent: to }, own, 403);
    }
  }

  async #rest(what: string, body: unknown, own: Lists) {
    const token = await tokenOf({ org: this.#org, ...own });
    // What was written through one gateway is found at once through the same.
    return rest(this.#gateways[0]?.url ?? "", what, body, bearer(token));
  }

  /** Stores a row, or deletes it. */
  async #put(path: string, row: object | undefined): Promise<void> {
    await this.#say(row === undefined ? "DELETE" : "POST", path, row);
  }

  async #say(method: string, path: string, body?: unknown, own: Lists = {}, wanted?: number): Promise<Said> {
    const { status, body: said } = await this.#rest(`${method} ${path}`, body, own);
    const isWanted = wanted === undefined ? status < 300 : status === wanted;
    if (!isWanted)
      throw new Error(`${method} ${path} ${JSON.stringify(own)}: ${status}, not ${wanted}: ${JSON.stringify(said)}`);
    return (said ?? {}) as Said;
  }
}

interface Said {
  readonly message_id?: string;
  readonly instances?: readonly { readonly name: string; readonly status: string }[];
}

function definitionOf(path: string): Definition {
  const found = streams.find((stream) => stream.path === path);
  if (found === undefined) throw new Error(`No stream ${path}`);
  return found;
}

describe.each(buses)("Over %s,", (_, open) => {
  let opened: Awaited<ReturnType<typeof open>>;
  let gateways: readonly Gateway[] = [];
  const reports: unknown[] = [];
  let orgs = 0;

  beforeAll(async () => {
    opened = await open();
    const report = (fault: unknown) => void reports.push(fault);
    gateways = await Promise.all(opened.buses.map((bus) => startGateway({ bus, auth: strict, streams, report })));
  });

  afterAll(async () => {
    await Promise.all(gateways.map((gateway) => gateway.close()));
    await opened.close();
  });

  test("whoever has allow-lists sees of every stream what is on them, all of it and nothing else", async () => {
    const property = fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 24, size: "max" }), async (steps) => {
      using fence = new Fence(`fenced-${++orgs}`, gateways);
      for (const one of steps) await fence.take(one);
      await fence.settle();
    });
    await fc.assert(property, { numRuns: runs });
    expect(reports).toEqual([]);
  }, 600_000);
});
