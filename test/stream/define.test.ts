import { expect, test } from "vitest";
import { z } from "zod";
import { openEmbeddedBus } from "../../src/bus/embedded.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { createSkein } from "../../src/skein.ts";
import { defineFeed, defineTable, type FeedSpec, type TableSpec } from "../../src/stream/define.ts";
import { protocolLimits } from "../support/gateway.ts";

const common = {
  description: "d",
  access: { role: "viewer", needsToken: false, names: {} },
  rejectedBody: "shown",
  messages: {},
  shows: () => true,
} as const;

function table(change: Partial<TableSpec<unknown, unknown>>) {
  return () =>
    defineTable<unknown, unknown>({
      ...common,
      path: "deploys",
      subject: "deploys.:id",
      query: z.strictObject({}),
      record: z.looseObject({}),
      snapshot: (rows) => [{ type: "snapshot", rows }],
      deltas: () => [],
      ...change,
    });
}

function feed(change: Partial<FeedSpec<unknown, unknown>>) {
  return () =>
    defineFeed<unknown, unknown>({
      ...common,
      path: "builds/:id",
      subject: "builds.:id",
      query: z.strictObject({}),
      event: z.looseObject({}),
      keepMs: 1000,
      past: { kind: "whole" },
      frame: () => ({ type: "built" }),
      ends: () => false,
      ...change,
    });
}

test.each([
  [
    "a path with an odd segment",
    table({ path: "De ploys" }),
    '"De ploys": "De ploys" is neither a lowercase word nor ":name"',
  ],
  ["a path that names what the subject does not", table({ path: "deploys/:shop" }), 'its path names ":shop"'],
  ["a subject that begins with a name", table({ subject: ":id" }), 'its subject ":id" must begin with a word'],
  ["a name that stands twice", table({ subject: "deploys.:id.:id" }), "a name stands twice"],
  ["a table without a key", table({ subject: "deploys.all" }), "its subject names no key for the rows"],
  [
    "a query parameter of the protocol",
    table({ query: z.strictObject({ since: z.string() }) }),
    '"since" belongs to the protocol',
  ],
  [
    "a message of the protocol",
    table({ messages: { ping: { fields: z.strictObject({}), change: (query) => query } } }),
    '"ping" belongs to the protocol',
  ],
  ["a feed that keeps nothing", feed({ keepMs: 0 }), "keepMs must be more than 0"],
  [
    "a feed without a limit to its past",
    feed({ past: { kind: "recent", most: 0, count: () => 0, snapshot: () => [{ type: "snapshot" }] } }),
    "past.most must be more than 0",
  ],
])("A definition with %s is refused by name", (_what, define, fault) => {
  expect(define).toThrow(TypeError);
  expect(define).toThrow(fault);
});

test("Two streams that would share a store of one name are refused by name", async () => {
  const bus = await openEmbeddedBus({ file: ":memory:", clock: systemClock });
  const streams = [feed({})(), feed({ path: "builds", subject: "builds.:id.:step" })()];
  expect(() => createSkein({ bus, limits: protocolLimits, streams })).toThrow(
    '"builds/:id" and "builds" share the store "builds"',
  );
  await bus.close();
});
