import { describe, expect, test } from "vitest";
import { Quotas, type Who } from "../../src/limits/quotas.ts";
import { Failure } from "../../src/protocol/failure.ts";
import { ManualClock } from "../support/clock.ts";
import { none, unlimited } from "../support/quotas.ts";

function quotasWith(some: Partial<typeof unlimited>): { quotas: Quotas; clock: ManualClock } {
  const clock = new ManualClock();
  return { clock, quotas: new Quotas({ clock, quotas: { ...unlimited, ...some } }) };
}

function refusal(act: () => unknown): Failure {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown;
    throw thrown;
  }
  throw new Error("It was not refused");
}

function times(count: number, act: () => unknown): void {
  for (let i = 0; i < count; i++) act();
}

const ann: Who = { address: "192.0.2.1", principal: "acme/ann", org: "acme" };
const bob: Who = { address: "192.0.2.2", principal: "acme/bob", org: "acme" };

describe("A rate", () => {
  test("lets ten seconds' worth pass at once, then as much as comes back", () => {
    const { quotas, clock } = quotasWith({ messages: { ...none, principal: 4 } });
    times(40, () => quotas.spend("messages", ann));
    expect(refusal(() => quotas.spend("messages", ann)).retryAfterMs).toBeCloseTo(250);
    clock.pass(249);
    expect(refusal(() => quotas.spend("messages", ann)).retryAfterMs).toBeCloseTo(1);
    clock.pass(1);
    quotas.spend("messages", ann);
    clock.pass(3_600_000);
    times(40, () => quotas.spend("messages", ann));
    refusal(() => quotas.spend("messages", ann));
  });

  test("says who is limited to what and when to come back, and names nobody", () => {
    const { quotas } = quotasWith({ connects: { ...none, org: 1 } });
    times(10, () => quotas.spend("connects", ann));
    const { code, status, closeCode, message, retryAfterSeconds } = refusal(() => quotas.spend("connects", bob));
    expect({ code, status, closeCode, retryAfterSeconds }).toEqual({
      code: "too_many_connections",
      status: 429,
      closeCode: 4429,
      retryAfterSeconds: 1,
    });
    expect(message).toBe("Too many connections a second: each org may have 1, 10 at once; try again later");
  });

  test("is spent in every scope or in none", () => {
    const { quotas } = quotasWith({ reads: { principal: 2, address: 0, org: 1 } });
    times(10, () => quotas.spend("reads", ann));
    // The org is exhausted; were the refused ones taken from bob, his own would be too.
    times(50, () => refusal(() => quotas.spend("reads", bob)));
    times(20, () => quotas.spend("reads", { address: bob.address, principal: "acme/bob" }));
    refusal(() => quotas.spend("reads", { address: bob.address, principal: "acme/bob" }));
  });

  test("asks whoever is over two limits to wait for the slower one", () => {
    const { quotas } = quotasWith({ publishes: { principal: 1, address: 10, org: 0 } });
    const asked = () => quotas.spend("publishes", ann, 10);
    asked();
    expect(refusal(asked).message).toContain("each principal may have 1");
    expect(refusal(asked).retryAfterMs).toBeCloseTo(10_000);
  });

  test("lets one body larger than ten seconds' worth pass, and has it paid back", () => {
    const { quotas, clock } = quotasWith({ publishBytes: { ...none, address: 10 } });
    quotas.spend("publishBytes", ann, 1000);
    expect(refusal(() => quotas.spend("publishBytes", ann, 1)).retryAfterMs).toBeCloseTo(90_100);
    clock.pass(90_100);
    quotas.spend("publishBytes", ann, 1);
    // Larger than what fits again, it has to wait until nothing is owed.
    expect(refusal(() => quotas.spend("publishBytes", ann, 1000)).retryAfterMs).toBeCloseTo(10_000);
    clock.pass(10_000);
    quotas.spend("publishBytes", ann, 1000);
  });

  test("keeps a debt however long it is not looked at", () => {
    const { quotas, clock } = quotasWith({ publishBytes: { ...none, address: 1 } });
    quotas.spend("publishBytes", ann, 3600);
    times(20, () => {
      clock.pass(100_000);
      quotas.spend("publishBytes", bob);
    });
    expect(refusal(() => quotas.spend("publishBytes", ann)).retryAfterMs).toBeCloseTo(1_591_000);
  });

  test("gives nothing for a clock that is set back, and takes nothing either", () => {
    let now = 1_000_000;
    const clock = { ...new ManualClock(), now: () => now, after: () => () => {}, every: () => () => {} };
    const quotas = new Quotas({ clock, quotas: { ...unlimited, messages: { ...none, address: 1 } } });
    times(10, () => quotas.spend("messages", ann));
    now -= 900_000;
    expect(refusal(() => quotas.spend("messages", ann)).retryAfterMs).toBeCloseTo(1000);
    now += 1000;
    quotas.spend("messages", ann);
  });

  test("of 0 is none", () => {
    const { quotas } = quotasWith({});
    times(100_000, () => quotas.spend("connects", ann, 1000));
    expect(quotas.size).toBe(0);
  });
});

describe("A number of things held at once", () => {
  test("is counted in every scope until it is released, once", () => {
    const { quotas } = quotasWith({ connections: { principal: 2, address: 0, org: 3 } });
    const release = quotas.hold("connections", ann);
    quotas.hold("connections", ann);
    expect(refusal(() => quotas.hold("connections", ann)).message).toBe(
      "Too many connections at once: each principal may have 2; try again later",
    );
    quotas.hold("connections", bob);
    expect(refusal(() => quotas.hold("connections", bob)).message).toContain("each org may have 3");
    release();
    release();
    quotas.hold("connections", bob);
    expect(refusal(() => quotas.hold("connections", ann))).toMatchObject({ status: 429, retryAfterMs: 1000 });
  });

  test("leaves nothing behind", () => {
    const { quotas } = quotasWith({ subscriptions: { principal: 9, address: 9, org: 9 } });
    const stops = [ann, bob, ann, { address: "::1" }].map((who) => quotas.hold("subscriptions", who));
    for (const stop of stops) stop();
    expect(quotas.size).toBe(0);
  });

  test("does not count a scope that nobody is known in", () => {
    const { quotas } = quotasWith({ connections: { principal: 1, address: 5, org: 1 } });
    times(5, () => quotas.hold("connections", { address: "192.0.2.1" }));
    expect(refusal(() => quotas.hold("connections", { address: "192.0.2.1" })).message).toContain("each address");
  });
});

test("What was refused is counted by what it was and in which scope", () => {
  const { quotas } = quotasWith({ connections: { ...none, org: 1 }, reads: { ...none, address: 1 } });
  quotas.hold("connections", ann);
  times(3, () => refusal(() => quotas.hold("connections", bob)));
  quotas.spend("reads", ann, 10);
  refusal(() => quotas.spend("reads", ann));
  quotas.countRefusal("sockets address");
  expect([...quotas.refused]).toEqual([
    ["connections org", 3],
    ["reads address", 1],
    ["sockets address", 1],
  ]);
});
