import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Bus } from "../../src/bus/bus.ts";
import { endOfTurn } from "../../src/bus/turn.ts";
import { elementsOf } from "../../src/protocol/elements.ts";
import { Exceptions } from "../../src/protocol/exceptions.ts";
import { Failure } from "../../src/protocol/failure.ts";
import type { StoredDefinition } from "../../src/stream/define.ts";
import { withRooms } from "../../src/stream/rooms.ts";
import { journalOf, storeOf } from "../../src/stream/subject.ts";
import { productStreams } from "../../src/streams/all.ts";
import { rightOf } from "../streams/wrong.ts";
import { buses } from "../support/buses.ts";
import { follow } from "../support/client.ts";
import { ManualClock } from "../support/clock.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { openWithKey, token } from "../support/tokens.ts";
import { type BodyCase, bodyCases, bytesOf, knownCases } from "./body-cases.ts";

const runs = Number(process.env.RUNS ?? 14);
const seed = Number(process.env.SEED ?? 1);
const batch = 10;
const stored = withRooms(productStreams).filter((stream) => stream.kind === "table" || stream.kind === "feed");

/** What shows most of a stream to a newcomer. */
const queries: Readonly<Record<string, string>> = {
  instances: "?include_archived=true",
  messages: "?recent=500",
  "live/campaigns": "?recent=100",
  "live/agents": "?recent=100",
  "live/toasts": "?recent=100",
};

const path = (stream: StoredDefinition) => stream.pathPattern.fill(() => "r1").join("/");
const address = (stream: StoredDefinition) => `${path(stream)}${queries[path(stream)] ?? queries[stream.path] ?? ""}`;

/** The tail of a subject of a stream, whose key is `key`. */
function tailFor({ pathPattern, subjectPattern }: StoredDefinition, key: string): readonly string[] {
  const named = subjectPattern.names.filter((name) => name !== "entity");
  const values = Object.fromEntries(named.map((name) => [name, pathPattern.names.includes(name) ? "r1" : key]));
  return subjectPattern.expand(values)[0] ?? [];
}

/** Bodies that are right, and end nothing. */
function rightBodies(stream: StoredDefinition): readonly object[] {
  const [first = ""] = tailFor(stream, "k");
  const bodies = rightOf(stream).filter((body) => !("type" in body) || body.type !== "done");
  return bodies.filter((body) => !("type" in body) || first !== "attacks" || !String(body.type).startsWith("job."));
}

/** One gateway after the other over one bus, by a clock that stands still until it is told to go on. */
class House {
  readonly exceptions = new Exceptions((fault) => this.faults.push(fault));
  readonly faults: unknown[] = [];
  readonly clock = new ManualClock(Date.now());
  readonly #bus: Bus;
  readonly #token: string;
  #gateway: Gateway | undefined;
  #marks = 0;

  constructor(bus: Bus, key: string) {
    this.#bus = bus;
    this.#token = key;
  }

  get gateway(): Gateway {
    if (!this.#gateway) throw new Error("It is not open");
    return this.#gateway;
  }

  async restart(): Promise<void> {
    await this.#gateway?.close();
    const { clock, exceptions } = this;
    const limits = { idleAfterMs: 1e9, pingEveryMs: 1e9 };
    this.#gateway = await startGateway({ auth: openWithKey, bus: this.#bus, clock, exceptions, limits });
    // It is ready when it has read what is stored.
    while ((await fetch(`${this.gateway.url}/readyz`)).status !== 200) await endOfTurn();
  }

  async stop(): Promise<void> {
    await this.#gateway?.close();
  }

  /** Publishes over HTTP; gives the status. */
  async post(stream: StoredDefinition, key: string, body: Uint8Array): Promise<number> {
    const url = `${this.gateway.url}/api/publish/${tailFor(stream, key).join("/")}`;
    const headers = { authorization: `Bearer ${this.#token}`, connection: "close" };
    const answer = await fetch(url, { method: "POST", body, headers });
    await answer.body?.cancel();
    return answer.status;
  }

  /** Puts a body onto the bus, as a service does that has never heard of limits. */
  async put(stream: StoredDefinition, key: string, body: Uint8Array): Promise<void> {
    const subject = ["skein", "acme", ...tailFor(stream, key)].join(".");
    try {
      if (stream.kind === "table") await (await this.#bus.table(storeOf(stream))).put(subject, body);
      else await (await this.#bus.journal(journalOf(stream))).append(subject, body);
    } catch (thrown) {
      if (!(thrown instanceof Failure && thrown.code === "message_too_large")) throw thrown;
    }
  }

  /** Whether every stream of the org answers as before: what is published now arrives, on all transports alike. */
  async check(): Promise<void> {
    const ready = await fetch(`${this.gateway.url}/readyz`);
    expect([ready.status, await ready.text()]).toEqual([200, expect.any(String)]);
    for (const stream of stored) await this.#checkStream(stream);
    const metrics = await (await fetch(`${this.gateway.url}/metrics`)).text();
    expect(this.faults).toEqual([]);
    expect(metrics).toContain("\nskein_unexpected_exceptions_total 0\n");
  }

  async #checkStream(stream: StoredDefinition): Promise<void> {
    const { url } = this.gateway;
    using live = follow("sse", url, address(stream), this.#token);
    await live.count(1);
    const mark = `mark-${this.#marks++}`;
    const right = rightBodies(stream)[0] ?? {};
    const also = "name" in right || stream.store === "runs" ? { name: mark } : {};
    const body = { ...right, ...also, ...(stream.store === "tasks" && { task_id: mark }) };
    expect(await this.post(stream, mark, new TextEncoder().encode(JSON.stringify(body))), stream.path).toBe(201);
    await live.until(() => live.raw.some((json) => json.includes(mark)));
    const headers = { authorization: `Bearer ${this.#token}` };
    const polled = elementsOf(await (await fetch(`${url}/poll/${address(stream)}`, { headers })).text());
    using ws = follow("ws", url, address(stream), this.#token);
    using sse = follow("sse", url, address(stream), this.#token);
    await Promise.all([ws.count(polled.length), sse.count(polled.length)]);
    expect(ws.raw, stream.path).toEqual(polled);
    expect(sse.raw, stream.path).toEqual(polled);
    for (const frame of ws.frames) expect(frame.type).toEqual(expect.any(String));
  }
}

/** Publishes one case to every stream, over HTTP and past it. */
async function publishEverywhere(house: House, found: BodyCase, key: string): Promise<void> {
  for (const stream of stored) {
    const body = bytesOf(found, rightBodies(stream));
    expect([200, 201, 400, 413], `${stream.path} ${new TextDecoder().decode(body.subarray(0, 200))}`).toContain(
      await house.post(stream, `${key}-http`, body),
    );
    await house.put(stream, `${key}-bus`, body);
  }
}

describe.each(buses)("Over %s,", (_, open) => {
  test(`no body ends a gateway, its timers or other streams, also not after a restart (RUNS=${runs}, SEED=${seed})`, async () => {
    await using place = await open();
    const house = new House(place.bus, await token({ exp: Date.now() / 1000 + 1e7 }));
    await house.restart();
    const cases = [...knownCases, ...fc.sample(bodyCases, { numRuns: runs, seed })];
    for (let at = 0; at < cases.length; at += batch) {
      for (const [i, found] of cases.slice(at, at + batch).entries())
        await publishEverywhere(house, found, `k${i % 7}`);
      // Crews lapse, and what is repeated is said again.
      for (let passed = 0; passed < 200; passed += 10) house.clock.pass(10_000);
      await house.check();
      await house.restart();
      await house.check();
    }
    await house.stop();
  }, 600_000);
});
