import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Buckets } from "../../src/limits/bucket.ts";
import { type Quota, Quotas, type Who } from "../../src/limits/quotas.ts";
import { Failure } from "../../src/protocol/failure.ts";
import { ManualClock } from "../support/clock.ts";
import { unlimited } from "../support/quotas.ts";

/** A token bucket as a textbook has it, in thousandths of a token, so that every number is whole. */
class Bucket {
  readonly #rate: number;
  #level: number;
  #atMs: number;

  constructor(rate: number, nowMs: number) {
    this.#rate = rate;
    this.#atMs = nowMs;
    this.#level = this.#full;
  }

  has(amount: number, nowMs: number): boolean {
    this.#level = Math.min(this.#full, this.#level + (nowMs - this.#atMs) * this.#rate);
    this.#atMs = nowMs;
    return this.#level >= Math.min(amount * 1000, this.#full);
  }

  take(amount: number): void {
    this.#level -= amount * 1000;
  }

  get #full(): number {
    return this.#rate * 10 * 1000;
  }
}

/** Every scope of every rate as textbook buckets. */
class Model {
  readonly #quota: Quota;
  readonly #bornMs: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(quota: Quota, nowMs: number) {
    this.#quota = quota;
    this.#bornMs = nowMs;
  }

  spend(who: Who, amount: number, nowMs: number): boolean {
    const buckets = (["principal", "address", "org"] as const).flatMap((scope) => {
      const rate = this.#quota[scope];
      if (rate === 0 || who[scope] === undefined) return [];
      const name = `${scope} ${who[scope]}`;
      const bucket = this.#buckets.get(name) ?? new Bucket(rate, this.#bornMs);
      this.#buckets.set(name, bucket);
      return [bucket];
    });
    if (!buckets.map((bucket) => bucket.has(amount, nowMs)).every(Boolean)) return false;
    for (const bucket of buckets) bucket.take(amount);
    return true;
  }
}

const name = fc.constantFrom("a", "b", "c");
const spending = fc.record({
  address: name,
  principal: fc.option(name, { nil: undefined }),
  org: fc.option(name, { nil: undefined }),
  amount: fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 1, max: 40 }) }, { weight: 1, arbitrary: fc.nat(3000) }),
  afterMs: fc.oneof(fc.constant(0), fc.nat(300), fc.nat(60_000)),
});
const limit = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 200 }));
const quota = fc.record({ principal: limit, address: limit, org: limit });

/** What both say to one spending; the wait they agree on is waited for, and then it must pass. */
function compare(quotas: Quotas, model: Model, { clock, who, amount }: Spent): void {
  const waitMs = waitOf(() => quotas.spend("reads", who, amount));
  expect(waitMs === 0).toBe(model.spend(who, amount, clock.now()));
  if (waitMs === 0) return;
  // Sums of fractions miss a whole number by a little.
  const enoughMs = Math.ceil(waitMs - 1e-3);
  clock.pass(enoughMs - 1);
  expect(model.spend(who, amount, clock.now())).toBe(false);
  clock.pass(1);
  quotas.spend("reads", who, amount);
  expect(model.spend(who, amount, clock.now())).toBe(true);
}

interface Spent {
  readonly clock: ManualClock;
  readonly who: Who;
  readonly amount: number;
}

function waitOf(act: () => void): number {
  try {
    act();
    return 0;
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown.retryAfterMs ?? Number.NaN;
    throw thrown;
  }
}

test("Quotas let pass what textbook buckets let pass, and say to the millisecond when to come back", () => {
  const property = fc.property(quota, fc.array(spending, { maxLength: 200, size: "max" }), (reads, spendings) => {
    const clock = new ManualClock();
    const quotas = new Quotas({ clock, quotas: { ...unlimited, reads } });
    const model = new Model(reads, clock.now());
    for (const { afterMs, amount, ...who } of spendings) {
      clock.pass(afterMs);
      compare(quotas, model, { clock, who, amount });
    }
  });
  const { SEED, COUNT = "300" } = process.env;
  fc.assert(property, { numRuns: Number(COUNT), ...(SEED === undefined ? {} : { seed: Number(SEED) }) });
});

describe("A million addresses", () => {
  const addressOf = (i: number) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;

  test("leave no more than 131,072 buckets, and those of the last ten seconds only", () => {
    const buckets = new Buckets(1);
    let most = 0;
    for (let i = 0; i < 1_000_000; i++) {
      buckets.take(addressOf(i), 1, i / 1000);
      most = Math.max(most, buckets.size);
    }
    expect(most).toBe(131_072);
    buckets.take("a", 1, 11_000);
    buckets.take("b", 1, 22_000);
    expect(buckets.size).toBe(2);
  });

  test("do not free one that goes on", () => {
    const buckets = new Buckets(1);
    buckets.take("192.0.2.1", 10, 0);
    for (let i = 0; i < 60_000; i++) buckets.take(addressOf(i), 1, 0);
    expect(buckets.waitMs("192.0.2.1", 1, 0)).toBe(1000);
  });
});
