import type { Clock, Stop } from "../protocol/clock.ts";
import { Failure, type FailureCode } from "../protocol/failure.ts";
import { Buckets, burstSeconds } from "./bucket.ts";

/** What is limited in its number a second. */
export type RateName = "connects" | "subscribes" | "messages" | "reads" | "readBytes" | "publishes" | "publishBytes";

/** What is limited in its number at once. */
export type CountName = "connections" | "subscriptions";

/** For whom something counts; a scope that is absent does not count it. */
export interface Who {
  readonly address?: string | undefined;
  /** Must be unique among all orgs. */
  readonly principal?: string | undefined;
  readonly org?: string | undefined;
}

const scopes = ["principal", "address", "org"] as const;

type Scope = (typeof scopes)[number];

/** How much each scope may have; 0 is no limit. */
export type Quota = Readonly<Record<Scope, number>>;

interface Described {
  readonly code: FailureCode;
  readonly what: string;
}

const rates: Readonly<Record<RateName, Described>> = {
  connects: { code: "too_many_connections", what: "connections a second" },
  subscribes: { code: "too_many_subscriptions", what: "streams asked for a second" },
  messages: { code: "too_many_messages", what: "messages a second" },
  reads: { code: "too_many_reads", what: "reads a second" },
  readBytes: { code: "too_many_reads", what: "bytes read a second" },
  publishes: { code: "too_many_publishes", what: "writes a second" },
  publishBytes: { code: "too_many_publishes", what: "bytes written a second" },
};

const counts: Readonly<Record<CountName, Described>> = {
  connections: { code: "too_many_connections", what: "connections at once" },
  subscriptions: { code: "too_many_subscriptions", what: "streams followed at once" },
};

/** Nobody knows when others leave; a second is soon enough to look again. */
const retryCountMs = 1000;

/** How much everybody may have, and how much they have. */
export class Quotas {
  readonly #now: () => number;
  readonly #rates: ReadonlyMap<RateName, readonly Rate[]>;
  readonly #counts: ReadonlyMap<CountName, readonly Count[]>;
  readonly #refused = new Map<string, number>();

  constructor({ clock, quotas }: { clock: Clock; quotas: Readonly<Record<RateName | CountName, Quota>> }) {
    this.#now = steady(clock);
    const limited = (name: RateName | CountName) =>
      scopes.map((scope) => ({ scope, limit: quotas[name][scope] })).filter(({ limit }) => limit > 0);
    this.#rates = new Map(
      namesOf(rates).map((name) => [name, limited(name).map((one) => ({ ...one, buckets: new Buckets(one.limit) }))]),
    );
    this.#counts = new Map(
      namesOf(counts).map((name) => [name, limited(name).map((one) => ({ ...one, held: new Map<string, number>() }))]),
    );
  }

  /** How often who was refused what: `connects address` → 3. */
  get refused(): ReadonlyMap<string, number> {
    return this.#refused;
  }

  /** Counts a refusal of somebody else's, say `sockets address`, among its own. */
  countRefusal(what: string): void {
    add(this.#refused, what, 1);
  }

  /** How many keys are remembered. */
  get size(): number {
    const buckets = [...this.#rates.values()].flat().map(({ buckets: { size } }) => size);
    const held = [...this.#counts.values()].flat().map(({ held: { size } }) => size);
    return [...buckets, ...held].reduce((sum, size) => sum + size, 0);
  }

  /**
   * Spends of a rate in every scope, or in none.
   *
   * Ten seconds' worth may be spent at once. More than that at once passes when nothing was spent before, and is owed
   * then. Throws the `too_many_*` Failure of the scope that must wait longest.
   */
  spend(name: RateName, who: Who, amount = 1): void {
    const now = this.#now();
    const concerned = this.#rates.get(name) ?? [];
    let longest: { rate: Rate; waitMs: number } | undefined;
    for (const rate of concerned) {
      const key = who[rate.scope];
      const waitMs = key === undefined ? 0 : rate.buckets.waitMs(key, amount, now);
      if (waitMs > (longest?.waitMs ?? 0)) longest = { rate, waitMs };
    }
    if (longest) throw this.#refusal(rates[name], { ...longest.rate, name, retryAfterMs: longest.waitMs });
    for (const { scope, buckets } of concerned) {
      const key = who[scope];
      if (key !== undefined) buckets.take(key, amount, now);
    }
  }

  /**
   * Takes of a rate in every scope, whether it is there or not; what was not there is owed, and nothing is spent until it
   * has come back. A negative amount is given back.
   */
  owe(name: RateName, who: Who, amount: number): void {
    const now = this.#now();
    for (const { scope, buckets } of this.#rates.get(name) ?? []) {
      const key = who[scope];
      if (key !== undefined) buckets.take(key, amount, now);
    }
  }

  /** How many milliseconds from now nothing will be owed in any scope; 0 when nothing is. */
  waitMs(name: RateName, who: Who): number {
    const now = this.#now();
    const waits = (this.#rates.get(name) ?? []).map(({ scope, buckets }) => {
      const key = who[scope];
      return key === undefined ? 0 : buckets.waitMs(key, 0, now);
    });
    return Math.max(0, ...waits);
  }

  /** Counts one more in every scope until it is released. Throws the `too_many_*` Failure of a scope that is full. */
  hold(name: CountName, who: Who): Stop {
    const concerned = (this.#counts.get(name) ?? []).filter(({ scope }) => who[scope] !== undefined);
    const full = concerned.find(({ scope, limit, held }) => (held.get(who[scope] ?? "") ?? 0) >= limit);
    if (full) throw this.#refusal(counts[name], { ...full, name, retryAfterMs: retryCountMs });
    for (const { scope, held } of concerned) add(held, who[scope] ?? "", 1);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      for (const { scope, held } of concerned) add(held, who[scope] ?? "", -1);
    };
  }

  #refusal({ code, what }: Described, { name, scope, limit, retryAfterMs }: Refusal): Failure {
    this.countRefusal(`${name} ${scope}`);
    const burst = name in rates ? `, ${limit * burstSeconds} at once` : "";
    const message = `Too many ${what}: each ${scope} may have ${limit}${burst}; try again later`;
    return new Failure(code, message, { retryAfterMs });
  }
}

interface Limited {
  readonly scope: Scope;
  readonly limit: number;
}

interface Rate extends Limited {
  readonly buckets: Buckets;
}

interface Count extends Limited {
  readonly held: Map<string, number>;
}

interface Refusal extends Limited {
  readonly name: RateName | CountName;
  readonly retryAfterMs: number;
}

function namesOf<Name extends string>(table: Readonly<Record<Name, unknown>>): Name[] {
  return Object.keys(table) as Name[];
}

function add(numbers: Map<string, number>, key: string, difference: number): void {
  const sum = (numbers.get(key) ?? 0) + difference;
  if (sum === 0) numbers.delete(key);
  else numbers.set(key, sum);
}

/** The milliseconds that have passed since now. A clock that is set back stands still for that moment. */
function steady(clock: Clock): () => number {
  let read = clock.now();
  let passed = 0;
  return () => {
    const now = clock.now();
    passed += Math.max(0, now - read);
    read = now;
    return passed;
  };
}
