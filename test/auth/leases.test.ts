import { afterEach, describe, expect, test } from "vitest";
import { type Lease, Leases } from "../../src/auth/leases.ts";
import { openPrincipal, type Principal } from "../../src/auth/principal.ts";
import type { End } from "../../src/protocol/end.ts";
import type { Frame } from "../../src/protocol/frame.ts";
import { ManualClock } from "../support/clock.ts";

const opened: Leases[] = [];
afterEach(() => {
  for (const leases of opened.splice(0)) leases.close();
});

class Connection {
  readonly said: unknown[] = [];
  readonly ends: End[] = [];

  say(frame: Frame): void {
    this.said.push(JSON.parse(frame.json));
  }

  end(end: End): void {
    this.ends.push(end);
  }
}

function openScene() {
  const clock = new ManualClock();
  const revoked = new Set<string>();
  let looks = 0;
  const isRevoked = ({ token }: Principal) => {
    looks += 1;
    return token?.id !== undefined && revoked.has(token.id);
  };
  const leases = new Leases({ clock, gateway: "g1", isRevoked });
  opened.push(leases);
  return { clock, revoked, leases, looks: () => looks };
}

function holder(clock: ManualClock, lifeMs: number, over: Partial<Principal> = {}): Principal {
  const token = { id: "t1", issuedAtMs: clock.now(), expiresAtMs: clock.now() + lifeMs };
  return { subject: "ada", org: "acme", roles: new Set(["viewer"]), token, ...over };
}

const expired = { code: 4401, reason: "token_expired" };

describe("an open connection", () => {
  test("hears once, a minute before, that its token ends", () => {
    const { clock, leases } = openScene();
    const connection = new Connection();
    const principal = holder(clock, 300_000);
    const { id } = leases.take(principal, connection);
    clock.pass(239_999);
    expect(connection.said).toEqual([]);
    clock.pass(250);
    const expires_at = new Date(principal.token?.expiresAtMs ?? 0).toISOString();
    expect(connection.said).toEqual([{ type: "token_expiring", expires_at, connection: id }]);
    clock.pass(59_000);
    expect(connection.said).toHaveLength(1);
  });

  test("ends with its token, within a quarter of a second and never before", () => {
    const { clock, leases } = openScene();
    const late: number[] = [];
    const frames: (string | undefined)[] = [];
    for (let at = 0; at < 300; at += 1) {
      const expiresAtMs = clock.now() + 10_000 + at * 7;
      const end = ({ code, reason, frame }: End) => {
        expect({ code, reason }).toEqual(expired);
        frames.push(frame?.json);
        late.push(clock.now() - expiresAtMs);
      };
      leases.take(holder(clock, 10_000 + at * 7), { say: () => {}, end });
    }
    clock.pass(9_999);
    expect(late).toEqual([]);
    clock.pass(600_000);
    expect(late).toHaveLength(300);
    expect(Math.min(...late)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...late)).toBeLessThanOrEqual(250);
    expect(frames.every((json) => json?.includes('"code":"token_expired"'))).toBe(true);
    expect(leases.size).toBe(0);
  });

  test("that began within the tolerance ends with the tolerance", () => {
    const { clock, leases } = openScene();
    const connection = new Connection();
    const principal = holder(clock, 0);
    clock.pass(10_000);
    leases.take(principal, connection);
    clock.pass(19_999);
    expect(connection.said).toHaveLength(1);
    expect(connection.ends).toEqual([]);
    clock.pass(250);
    expect(connection.ends).toMatchObject([expired]);
  });

  test("without a token never ends for that", () => {
    const { clock, leases } = openScene();
    const connection = new Connection();
    leases.take(openPrincipal, connection);
    clock.pass(30 * 24 * 3_600_000);
    expect(connection).toMatchObject({ said: [], ends: [] });
  });

  test("that is over is forgotten", () => {
    const { clock, leases } = openScene();
    const connection = new Connection();
    const lease = leases.take(holder(clock, 10_000), connection);
    expect(leases.size).toBe(1);
    lease.release();
    lease.release();
    expect(leases.size).toBe(0);
    clock.pass(60_000);
    expect(connection).toMatchObject({ said: [], ends: [] });
  });

  test("may end others while it is ended", () => {
    const { clock, leases } = openScene();
    const ended: string[] = [];
    const all: Lease[] = [];
    for (const name of ["a", "b", "c"]) {
      const end = () => {
        ended.push(name);
        for (const lease of all) lease.release();
      };
      all.push(leases.take(holder(clock, 1000), { say: () => {}, end }));
    }
    clock.pass(2000);
    expect(ended).toEqual(["a"]);
    expect(leases.size).toBe(0);
  });

  test("has an id that says which gateway has it, and that nobody guesses", () => {
    const { clock, leases } = openScene();
    const ids = Array.from({ length: 1000 }, () => leases.take(holder(clock, 1000), new Connection()).id);
    expect(new Set(ids.map((id) => id.split(".").at(-1))).size).toBe(1000);
    for (const id of ids) expect(id).toMatch(/^g1\.[A-Za-z0-9_-]{20}$/);
  });

  test("of twenty thousand costs no timer, and a sweep over all is short", () => {
    const { clock, leases } = openScene();
    for (let at = 0; at < 20_000; at += 1) leases.take(holder(clock, 3_600_000), new Connection());
    const begun = performance.now();
    for (let at = 0; at < 20; at += 1) leases.sweep();
    expect((performance.now() - begun) / 20).toBeLessThan(50);
  });
});

describe("a renewed connection", () => {
  test("goes on, and hears again before its newer token ends", () => {
    const { clock, leases } = openScene();
    const connection = new Connection();
    const lease = leases.take(holder(clock, 70_000), connection);
    clock.pass(20_000);
    expect(connection.said).toHaveLength(1);
    const newer = holder(clock, 120_000, { roles: new Set(["viewer", "operator"]) });
    leases.renew(lease.id, newer);
    clock.pass(59_000);
    expect(connection.said).toHaveLength(1);
    clock.pass(60_000);
    expect(connection).toMatchObject({ said: [{}, { type: "token_expiring" }], ends: [] });
    clock.pass(1250);
    expect(connection.ends).toMatchObject([expired]);
  });

  test("may be renewed to a shorter time as well", () => {
    const { clock, leases } = openScene();
    const connection = new Connection();
    leases.take(holder(clock, 3_600_000), connection).renew(holder(clock, 1000));
    clock.pass(1250);
    expect(connection.ends).toMatchObject([expired]);
  });

  const scope = { instances: ["web-*", "db"] };
  const both: Principal["roles"] = new Set(["viewer", "operator"]);
  const wrong: [string, Partial<Principal>][] = [
    ["of another subject", { scope, subject: "bob" }],
    ["of another org", { scope, org: "blue" }],
    ["with a role less", { scope, roles: new Set(["viewer"]) }],
    ["with another role instead", { scope, roles: new Set(["viewer", "publisher"]) }],
    ["with no role", { scope, roles: new Set() }],
    ["that may see more", { scope: { instances: ["web-*", "db", "x"] } }],
    ["that may see less", { scope: { instances: ["web-*"] } }],
    ["that may see nothing", { scope: { instances: [] } }],
    ["that may see no crews", { scope: { ...scope, crews: [] } }],
    ["that may see everything", {}],
  ];
  test.each(wrong)("is not renewed by a token %s, and stays as it was", (_, over) => {
    const { clock, leases } = openScene();
    const connection = new Connection();
    const old = holder(clock, 1000, { scope, roles: both });
    const lease = leases.take(old, connection);
    const next = holder(clock, 60_000, { roles: both, ...over });
    const forbidden = expect.objectContaining({ code: "forbidden", status: 403 });
    // To another org it is as if it did not exist.
    const unknown = expect.objectContaining({ code: "connection_not_found", status: 404 });
    expect(() => leases.renew(lease.id, next)).toThrow(next.org === old.org ? forbidden : unknown);
    expect(() => lease.renew(next)).toThrow(forbidden);
    clock.pass(1250);
    expect(connection.ends).toMatchObject([expired]);
  });

  test("may list what it may see in another order", () => {
    const { clock, leases } = openScene();
    const lease = leases.take(holder(clock, 1000, { scope }), new Connection());
    lease.renew(holder(clock, 60_000, { scope: { instances: ["db", "web-*", "db"] } }));
  });

  test("never becomes one without a token", () => {
    const { clock, leases } = openScene();
    const { token: _, ...anonymous } = holder(clock, 1000);
    const lease = leases.take(holder(clock, 1000), new Connection());
    expect(() => lease.renew(anonymous)).toThrow(expect.objectContaining({ code: "forbidden" }));
  });

  test.each(["", "g1", "g1.1.x", "__proto__", "g2.1.AAAAAAAAAAAAAAAA"])("is none of the id %j", (id) => {
    const { clock, leases } = openScene();
    leases.take(holder(clock, 1000), new Connection());
    expect(() => leases.renew(id, holder(clock, 1000))).toThrow(
      expect.objectContaining({ code: "connection_not_found" }),
    );
  });
});

describe("a revocation", () => {
  const cut = { code: 4401, reason: "token_revoked" };

  test("ends those it concerns at once, and no others", () => {
    const { clock, revoked, leases } = openScene();
    const [one, two] = [new Connection(), new Connection()];
    leases.take(holder(clock, 60_000), one);
    leases.take(
      { ...holder(clock, 60_000), token: { id: "t2", issuedAtMs: 0, expiresAtMs: clock.now() + 60_000 } },
      two,
    );
    revoked.add("t1");
    leases.revoked();
    expect(one.ends).toMatchObject([cut]);
    expect(two.ends).toEqual([]);
    expect(leases.size).toBe(1);
  });

  test("that comes between a check and its connection ends that within a quarter of a second", () => {
    const { clock, revoked, leases } = openScene();
    const connection = new Connection();
    const principal = holder(clock, 60_000);
    revoked.add("t1");
    leases.revoked();
    leases.take(principal, connection);
    clock.pass(250);
    expect(connection.ends).toMatchObject([cut]);
  });

  test("of hundreds at once is not hundreds of looks through all connections", () => {
    const { clock, revoked, leases, looks } = openScene();
    const connections = Array.from({ length: 100 }, (_, at) => {
      const connection = new Connection();
      const token = { id: `t${at}`, issuedAtMs: 0, expiresAtMs: clock.now() + 3_600_000 };
      leases.take({ ...holder(clock, 0), token }, connection);
      return connection;
    });
    const before = looks();
    for (let at = 0; at < 100; at += 1) {
      revoked.add(`t${at}`);
      leases.revoked();
    }
    clock.pass(250);
    expect(connections.every(({ ends }) => ends.length === 1)).toBe(true);
    expect(looks() - before).toBeLessThan(300);
  });
});

test("after the end nothing happens any more", () => {
  const { clock, leases } = openScene();
  const connection = new Connection();
  leases.take(holder(clock, 1000), connection);
  leases.close();
  clock.pass(60_000);
  expect(connection).toMatchObject({ said: [], ends: [] });
});
