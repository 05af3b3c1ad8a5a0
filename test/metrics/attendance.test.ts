import fc from "fast-check";
import { expect, test } from "vitest";
import { Attendance, type Attending } from "../../src/metrics/attendance.ts";

interface Someone extends Attending {
  behind: number;
}

function someone(org: string, transport: string, behind: number): Someone {
  const guest = { principal: { org, subject: `of ${org}` }, streams: [`${org}/stream`] };
  return { transport, guest, behind, sentFrames: 1, sentBytes: 2, pendingBytes: () => behind * 10 };
}

const step = fc.oneof(
  fc.record({
    do: fc.constant("arrive" as const),
    org: fc.constantFrom("acme", "globex", "umbrella"),
    transport: fc.constantFrom("ws", "sse", "poll"),
    behind: fc.nat(3),
  }),
  fc.record({ do: fc.constant("depart" as const), which: fc.nat(), isWorthTelling: fc.boolean() }),
);

test("Whatever comes and goes, a survey of an org is about all who are there of it, and nobody else", () => {
  const property = fc.property(fc.array(step, { maxLength: 300, size: "max" }), (steps) => {
    let now = 0;
    const attendance = new Attendance(() => now);
    const here = new Set<Someone>();
    const gone: Record<string, number> = {};
    for (const one of steps) {
      now += 1000;
      if (one.do === "arrive") {
        const arrived = someone(one.org, one.transport, one.behind);
        here.add(arrived);
        attendance.arrive(arrived);
        continue;
      }
      const leaving = [...here][one.which % Math.max(1, here.size)];
      if (!leaving) continue;
      here.delete(leaving);
      const { org } = leaving.guest.principal;
      if (one.isWorthTelling) gone[org] = (gone[org] ?? 0) + 1;
      const farewell = { by: "client", code: 1000, reason: undefined } as const;
      attendance.depart(leaving, one.isWorthTelling ? farewell : undefined);
      attendance.depart(leaving, farewell);
    }
    for (const org of ["acme", "globex", "umbrella", "nobody"]) {
      const own = [...here].filter(({ guest }) => guest.principal.org === org);
      const { open, byTransport, queuedFrames, queuedBytes } = attendance.survey(org);
      expect(open).toHaveLength(own.length);
      expect(open.filter((one) => one.org !== org)).toEqual([]);
      expect([...byTransport.values()].reduce((sum, count) => sum + count, 0)).toBe(own.length);
      expect(queuedFrames).toBe(own.reduce((sum, { behind }) => sum + behind, 0));
      expect(queuedBytes).toBe(10 * queuedFrames);
      const order = open.map((one) => [one.queuedFrames, one.id] as const);
      expect(order).toEqual(order.toSorted((a, b) => b[0] - a[0] || b[1] - a[1]));
      const closed = attendance.closed(org);
      expect(closed).toHaveLength(Math.min(100, gone[org] ?? 0));
      expect(closed.map(({ closedMs }) => closedMs)).toEqual(
        closed.map(({ closedMs }) => closedMs).toSorted((a, b) => b - a),
      );
    }
  });
  fc.assert(property, { numRuns: 60 });
});

test("However many ask, all connections are looked through once a second", () => {
  let now = 0;
  let looks = 0;
  const attendance = new Attendance(() => now);
  const one = someone("acme", "ws", 0);
  attendance.arrive({ ...one, pendingBytes: () => ++looks });
  for (let i = 0; i < 100; i++) attendance.survey("acme");
  const once = looks;
  expect(once).toBeLessThanOrEqual(3);
  now += 1000;
  attendance.survey("acme");
  expect(looks).toBe(2 * once);
});

test("Of thousands who wait for nothing the newest thousand are told, and everybody who waits", () => {
  const attendance = new Attendance(() => 0);
  for (let i = 1; i <= 3000; i++) attendance.arrive(someone("acme", "ws", i % 1000 === 0 ? i : 0));
  const { open, byTransport, queuedFrames } = attendance.survey("acme");
  expect(open.map(({ id }) => id)).toEqual([3000, 2000, 1000, ...Array.from({ length: 999 }, (_, i) => 2999 - i)]);
  expect(byTransport.get("ws")).toBe(3000);
  expect(queuedFrames).toBe(6000);
});

test("The connections of one subject are told beside those of all others, however many there are", () => {
  const attendance = new Attendance(() => 0);
  const own = someone("acme", "sse", 0);
  attendance.arrive({ ...own, guest: { ...own.guest, principal: { org: "acme", subject: "fay" } } });
  for (let i = 0; i < 2000; i++) attendance.arrive(someone("acme", "ws", 0));
  expect(attendance.openOf("acme", "fay").map(({ id }) => id)).toEqual([1]);
  expect(attendance.openOf("globex", "fay")).toEqual([]);
});

test("Of orgs that have left only the last hundred are remembered", () => {
  const attendance = new Attendance(() => 0);
  const stays = someone("stays", "ws", 0);
  attendance.arrive(stays);
  for (let i = 0; i < 1000; i++) {
    const one = someone(`org-${i}`, "ws", 0);
    attendance.arrive(one);
    attendance.depart(one, { by: "client", code: 1006, reason: undefined });
  }
  expect(attendance.orgs).toHaveLength(101);
  expect(attendance.survey("stays").open).toHaveLength(1);
  expect(attendance.closed("org-999")).toHaveLength(1);
  expect(attendance.closed("org-0")).toEqual([]);
});
