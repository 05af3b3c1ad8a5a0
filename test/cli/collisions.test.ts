import { expect, test } from "vitest";
import { z } from "zod";
import { collision, ownCollision } from "../../src/cli/collisions.ts";
import { defineTable } from "../../src/stream/define.ts";
import { instances } from "../../src/streams/instances.ts";

const table = (subject: string, ownedSubject?: string) =>
  defineTable({
    ...{ path: "rows", description: "Names", subject, ...(ownedSubject !== undefined && { ownedSubject }) },
    access: { role: "viewer", needsToken: false, names: { instances: ["name"] } },
    ...{ rejectedBody: "shown", query: z.strictObject({}), record: z.looseObject({ name: z.string() }), messages: {} },
    snapshot: (found) => [{ type: "snapshot", names: found.map(({ name }) => name) }],
    deltas: () => [],
    shows: () => true,
  });

test("A view of a store needs the owned subject that the store has", () => {
  expect(collision(table("instances.:name", "managed.:name"), instances)).toBeUndefined();
  expect(collision(table("instances.:name"), instances)).toBe(
    'reads "instances.:name" with no owned subject, and "instances" with the owned subject "managed.:name"',
  );
});

test("A subject that another stream has as its owned one is taken, in both roles", () => {
  const taken = 'which is what "instances" reads by "managed.:name"';
  expect(collision(table("managed.:name"), instances)).toBe(`reads "managed.:name", ${taken}`);
  expect(collision(table("hosts.:name", "managed.:name"), instances)).toBe(`reads "managed.:name", ${taken}`);
  expect(ownCollision(table("managed.:id"))).toContain('"managed" is used by Skein itself');
  expect(collision(table("hosts.:name", "own_hosts.:name"), instances)).toBeUndefined();
});

test.each([
  ["managed.:id", "must have the names of its subject"],
  [":name.managed", "must begin with a word"],
  ["instances.own.:name", "must begin with another word than its subject"],
])("An owned subject %s is refused: it %s", (owned, why) => {
  expect(() => table("instances.:name", owned)).toThrow(`Stream "rows": its owned subject "${owned}" ${why}`);
});
