import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { Principal } from "../../src/auth/principal.ts";
import { Revocations } from "../../src/auth/revocations.ts";
import type { Bus, Table } from "../../src/bus/bus.ts";
import { openEmbeddedBus } from "../../src/bus/embedded.ts";
import { openNatsBus } from "../../src/bus/nats.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { buses } from "../support/buses.ts";
import { ManualClock } from "../support/clock.ts";
import { startNatsServer } from "../support/nats-server.ts";

const spec = { name: "revoked", subjects: ["skein.*.revoked.>"] };
const started: Revocations[] = [];
afterEach(() => {
  for (const revocations of started.splice(0)) revocations.close();
});

class Scene {
  readonly clock = new ManualClock();
  readonly faults: unknown[] = [];
  readonly warnings: unknown[] = [];
  readonly hears = { report: (it: unknown) => this.faults.push(it), warn: (it: unknown) => this.warnings.push(it) };
  readonly bus: Bus;

  constructor(bus: Bus) {
    this.bus = bus;
  }

  /** Another gateway on the same bus, that has read everything. */
  async start(): Promise<Revocations> {
    const revocations = new Revocations({ bus: this.bus, clock: this.clock, ...this.hears });
    started.push(revocations);
    await revocations.start();
    await isLevel(revocations);
    return revocations;
  }

  /** Somebody with a token issued so many seconds ago. */
  holder(agoS: number, over: Partial<Principal> & { readonly id?: string } = {}): Principal {
    const { id = "t1", ...rest } = over;
    const token = { id, issuedAtMs: this.clock.now() - agoS * 1000, expiresAtMs: this.clock.now() + 3_600_000 };
    return { subject: "ada", org: "acme", roles: new Set(["viewer"]), token, ...rest };
  }

  table(): Promise<Table> {
    return this.bus.table(spec);
  }
}

function isLevel(revocations: Revocations): Promise<void> {
  return until(revocations, () => revocations.isLevel);
}

/** Settles when something is so, asked at every revocation; by the clock of the wall, within a second. */
async function until(revocations: Revocations, isSo: () => boolean): Promise<void> {
  if (isSo()) return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stop = revocations.onRevoked(() => isSo() && resolve());
  const late = setTimeout(() => reject(new Error("It did not become so within a second")), 1000);
  await promise.finally(() => {
    clearTimeout(late);
    stop();
  });
}

describe.each(buses)("on %s", (_, open) => {
  const revoked = (body: unknown) => Buffer.from(typeof body === "string" ? body : JSON.stringify(body));

  test("a token is revoked by its id, and no other with it", async () => {
    await using held = await open();
    const scene = new Scene(held.bus);
    const revocations = await scene.start();
    expect(revocations.isRevoked(scene.holder(0))).toBe(false);
    await revocations.revoke("acme", { jti: "t1" });
    expect(revocations.isRevoked(scene.holder(0))).toBe(true);
    expect(revocations.isRevoked(scene.holder(-5))).toBe(true);
    expect(revocations.isRevoked(scene.holder(0, { id: "t2" }))).toBe(false);
    expect(revocations.isRevoked(scene.holder(0, { org: "blue" }))).toBe(false);
  });

  test("a subject is revoked with all tokens it has, and a new login works", async () => {
    await using held = await open();
    const scene = new Scene(held.bus);
    const revocations = await scene.start();
    scene.clock.pass(700);
    await revocations.revoke("acme", { sub: "ada" });
    for (const agoS of [0, 1, 3600]) expect(revocations.isRevoked(scene.holder(agoS))).toBe(true);
    expect(revocations.isRevoked(scene.holder(0, { subject: "bob" }))).toBe(false);
    expect(revocations.isRevoked(scene.holder(0, { org: "blue" }))).toBe(false);
    const neverSaid = { ...scene.holder(0), token: { issuedAtMs: 0, expiresAtMs: scene.clock.now() + 1000 } };
    expect(revocations.isRevoked(neverSaid)).toBe(true);
    scene.clock.pass(1000);
    expect(revocations.isRevoked(scene.holder(0))).toBe(false);
    expect(revocations.isRevoked(scene.holder(2))).toBe(true);
  });

  test("an org is revoked with all its tokens, and no other org", async () => {
    await using held = await open();
    const scene = new Scene(held.bus);
    const revocations = await scene.start();
    await revocations.revoke("acme", { org: true });
    expect(revocations.isRevoked(scene.holder(0))).toBe(true);
    expect(revocations.isRevoked(scene.holder(1, { subject: "bob", id: "t9" }))).toBe(true);
    expect(revocations.isRevoked(scene.holder(1, { org: "blue" }))).toBe(false);
    scene.clock.pass(1000);
    expect(revocations.isRevoked(scene.holder(0))).toBe(false);
  });

  test("who came without a token has nothing that could be revoked", async () => {
    await using held = await open();
    const scene = new Scene(held.bus);
    const revocations = await scene.start();
    await revocations.revoke("acme", { org: true });
    expect(revocations.isRevoked({ subject: "ada", org: "acme", roles: new Set() })).toBe(false);
  });

  test("another gateway knows within a second, and tells", async () => {
    await using held = await open();
    const scene = new Scene(held.bus);
    const [one, other] = [await scene.start(), await scene.start()];
    const known = until(other, () => other.isRevoked(scene.holder(0)));
    await one.revoke("acme", { jti: "t1" });
    await known;
  });

  test("a gateway that starts later knows as soon as it is level", async () => {
    await using held = await open();
    const scene = new Scene(held.bus);
    await (await scene.start()).revoke("acme", { sub: "ada" });
    const later = await scene.start();
    await until(later, () => later.isRevoked(scene.holder(0)));
  });

  const names = [
    "*",
    ">",
    "a.b",
    "é",
    "💥".repeat(50),
    "x".repeat(101),
    "x".repeat(5000),
    "é".repeat(60),
    "\0",
    "%41",
    "~",
  ];
  test.each([...names, "acme.all"])("%j is revoked as that name and no other", async (name) => {
    await using held = await open();
    const scene = new Scene(held.bus);
    const revocations = await scene.start();
    const org = name.slice(0, 60);
    await revocations.revoke(org, { sub: name });
    await revocations.revoke(org, { jti: name });
    const other = await scene.start();
    await until(other, () => other.isRevoked(scene.holder(0, { org, subject: name, id: "-" })));
    await until(other, () => other.isRevoked(scene.holder(0, { org, id: name })));
    for (const near of ["ada", `${name}x`, "A", "all"])
      expect(revocations.isRevoked(scene.holder(0, { org, subject: near, id: near }))).toBe(false);
    expect(revocations.isRevoked(scene.holder(0, { subject: name, id: name }))).toBe(false);
  });

  test("a name that is empty, and an org that is none, are refused", async () => {
    await using held = await open();
    const revocations = await new Scene(held.bus).start();
    await expect(revocations.revoke("acme", { sub: "" })).rejects.toMatchObject({ code: "bad_request" });
    await expect(revocations.revoke("", { org: true })).rejects.toMatchObject({ code: "bad_request" });
    await expect(revocations.revoke("x".repeat(129), { org: true })).rejects.toMatchObject({ code: "bad_request" });
  });

  test("rows that are none are ignored and reported once, and take back nothing of what is known", async () => {
    await using held = await open();
    const scene = new Scene(held.bus);
    const revocations = await scene.start();
    await revocations.revoke("acme", { jti: "t1" });
    const table = await scene.table();
    const bad = ["{", "null", "[]", "7", {}, { revoked_at: 7 }, { revoked_at: "soon" }, { revoked_at: "9".repeat(99) }];
    for (const body of bad) await table.put("skein.acme.revoked.jti.t1", revoked(body));
    await table.put("skein.acme.revoked.jti.t1.t2", revoked({ revoked_at: "x" }));
    await table.put("skein.acme.revoked.all.all", revoked(Buffer.from([0xff]).toString("latin1")));
    await revocations.revoke("acme", { jti: "last" });
    const other = await scene.start();
    await until(other, () => other.isRevoked(scene.holder(0, { id: "last" })));
    const told = scene.warnings.filter((warning) => String(warning).includes("revoked.jti.t1 is no revocation"));
    expect([told.length, scene.faults]).toEqual([2, []]);
    expect(revocations.isRevoked(scene.holder(0))).toBe(true);
    expect(other.isRevoked(scene.holder(0, { id: "last" }))).toBe(true);
    expect(other.isRevoked(scene.holder(0, { id: "t2" }))).toBe(false);
  });

  test("a revocation that is taken back counts no more", async () => {
    await using held = await open();
    const scene = new Scene(held.bus);
    const [one, other] = [await scene.start(), await scene.start()];
    await one.revoke("acme", { sub: "ada" });
    const table = await scene.table();
    await table.put("skein.acme.revoked.sub.ada", new Uint8Array(0));
    await one.revoke("acme", { sub: "bob" });
    await until(other, () => other.isRevoked(scene.holder(0, { subject: "bob" })));
    expect(other.isRevoked(scene.holder(0))).toBe(false);
  });

  test("the row of a token that has ended goes away by itself", async () => {
    await using held = await open();
    const scene = new Scene(held.bus);
    const revocations = await scene.start();
    const table = await scene.table();
    await revocations.revoke("acme", { jti: "t1", expiresAtMs: scene.clock.now() + 10_000 });
    await revocations.revoke("acme", { jti: "t2" });
    scene.clock.pass(60_000);
    expect(await table.get("skein.acme.revoked.jti.t1")).toBeDefined();
    scene.clock.pass(60_000);
    await expect.poll(() => table.get("skein.acme.revoked.jti.t1")).toBeUndefined();
    await expect.poll(() => revocations.isRevoked(scene.holder(0))).toBe(false);
    expect(await table.get("skein.acme.revoked.jti.t2")).toBeDefined();
  });

  test("a gateway whose clock is behind takes back no less than was revoked", async () => {
    await using held = await open();
    const [ahead, behind] = [new Scene(held.bus), new Scene(held.bus)];
    ahead.clock.pass(60_000);
    await (await ahead.start()).revoke("acme", { sub: "ada" });
    const revocations = await behind.start();
    await revocations.revoke("acme", { sub: "ada" });
    expect(revocations.isRevoked(ahead.holder(0))).toBe(true);
  });

  test("a subject that two gateways revoke at the same moment is revoked by the later clock", async () => {
    await using held = await open();
    const [ahead, behind] = [new Scene(held.bus), new Scene(held.bus)];
    ahead.clock.pass(60_000);
    const [one, other] = [await ahead.start(), await behind.start()];
    const all = Array.from({ length: 4 }, () => [one, other]).flat();
    await Promise.all(all.map((gateway) => gateway.revoke("acme", { sub: "ada" })));
    const later = await ahead.start();
    await until(later, () => later.isRevoked(ahead.holder(0)));
  });

  test("nobody hears of revocations after the end", async () => {
    await using held = await open();
    const scene = new Scene(held.bus);
    const [one, other] = [await scene.start(), await scene.start()];
    other.close();
    other.close();
    await one.revoke("acme", { jti: "t1" });
    expect(other.isRevoked(scene.holder(0))).toBe(false);
  });
});

test("revocations survive a restart", async () => {
  const dir = mkdtempSync(join(tmpdir(), "skein-revoked-"));
  const options = { file: `${dir}/bus.db`, clock: systemClock };
  const first = await openEmbeddedBus(options);
  await (await new Scene(first).start()).revoke("acme", { sub: "ada" });
  await first.close();
  const second = await openEmbeddedBus(options);
  const scene = new Scene(second);
  expect((await scene.start()).isRevoked(scene.holder(0))).toBe(true);
  await second.close();
  rmSync(dir, { recursive: true, force: true });
});

test("a gateway with a connection of its own knows within a second", async () => {
  const server = await startNatsServer();
  const open = () => openNatsBus({ url: server.url, clock: systemClock });
  const [here, there] = [await open(), await open()];
  const scene = new Scene(here);
  const [one, other] = [await scene.start(), await new Scene(there).start()];
  const known = until(other, () => other.isRevoked(scene.holder(0)));
  await one.revoke("acme", { org: true });
  await known;
  await Promise.all([here.close(), there.close()]);
  await server.stop();
});

test("while NATS is away at the start nobody knows what is revoked, and as soon as it is back everybody does", async () => {
  const server = await startNatsServer();
  const setUp = await openNatsBus({ url: server.url, clock: systemClock });
  const scene = new Scene(setUp);
  await (await scene.start()).revoke("acme", { sub: "ada" });
  await setUp.close();
  await server.kill();
  const bus = await openNatsBus({ url: server.url, clock: systemClock });
  const revocations = new Revocations({ bus, clock: scene.clock, ...scene.hears });
  started.push(revocations);
  await revocations.start();
  expect(revocations.isLevel).toBe(false);
  await expect(revocations.revoke("acme", { org: true })).rejects.toMatchObject({ code: "bus_away" });
  await server.restart();
  await expect.poll(() => revocations.isLevel, { timeout: 20_000 }).toBe(true);
  expect(revocations.isRevoked(scene.holder(0))).toBe(true);
  await server.kill();
  expect(revocations.isLevel).toBe(true);
  expect(revocations.isRevoked(scene.holder(0))).toBe(true);
  await bus.close();
  await server.stop();
  expect([...scene.faults, ...scene.warnings]).toEqual([]);
});
