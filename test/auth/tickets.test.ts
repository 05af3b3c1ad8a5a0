import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPrincipal, type Principal } from "../../src/auth/principal.ts";
import { Tickets } from "../../src/auth/tickets.ts";
import type { Bus } from "../../src/bus/bus.ts";
import { openEmbeddedBus } from "../../src/bus/embedded.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { subjectOf } from "../../src/protocol/subject.ts";
import { buses, type TestBus } from "../support/buses.ts";
import { ManualClock } from "../support/clock.ts";

const clock = new ManualClock();
const hourMs = 3_600_000;
const token = { id: "t1", issuedAtMs: clock.now(), expiresAtMs: clock.now() + hourMs };
const ada: Principal = {
  subject: "ada",
  org: "acme",
  roles: new Set(["viewer", "operator"]),
  scope: { instances: ["web-*"], crews: [] },
  token,
};
const terms = { stream: "live/web-1", lifeMs: 30_000 };
const everything = { subject: ">", after: 0, upTo: Number.MAX_SAFE_INTEGER, limit: 10_000 };
const spec = { name: "tickets", subjects: ["skein.*.tickets.*"], keepMs: 15 * 60_000 };

function ticketsOn(bus: Bus, isRevoked: (principal: Principal) => boolean = () => false): Tickets {
  return new Tickets({ bus, clock, isRevoked });
}

const invalid = { code: "ticket_invalid", status: 401 };

describe.each(buses)("on %s, a ticket", (_, open) => {
  let held: TestBus;
  let bus: Bus;
  let tickets: Tickets;
  beforeAll(async () => {
    held = await open();
    bus = held.bus;
    tickets = ticketsOn(bus);
  });
  afterAll(() => held[Symbol.asyncDispose]());

  test("stands for its principal, with its token, on another gateway too", async () => {
    const { ticket, expiresAtMs } = await tickets.issue(ada, terms);
    expect(expiresAtMs).toBe(clock.now() + 30_000);
    expect(await ticketsOn(bus).redeem(ticket, "live/web-1")).toEqual(ada);
  });

  test("of somebody without a token stands for somebody without a token", async () => {
    const { ticket } = await tickets.issue(openPrincipal, { stream: undefined, lifeMs: 30_000 });
    expect(await tickets.redeem(ticket, undefined)).toEqual(openPrincipal);
  });

  test("counts once", async () => {
    const { ticket } = await tickets.issue(ada, terms);
    await tickets.redeem(ticket, terms.stream);
    await expect(tickets.redeem(ticket, terms.stream)).rejects.toMatchObject(invalid);
    await expect(ticketsOn(bus).redeem(ticket, terms.stream)).rejects.toMatchObject(invalid);
  });

  test("counts once when fifty come with it at the same time to two gateways", async () => {
    const gateways = [tickets, ticketsOn(bus)];
    const { ticket } = await tickets.issue(ada, terms);
    const tries = Array.from({ length: 50 }, (_try, at) => gateways[at % 2]?.redeem(ticket, terms.stream));
    const results = await Promise.allSettled(tries);
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const result of results) if (result.status === "rejected") expect(result.reason).toMatchObject(invalid);
  });

  test("for one stream opens no other, and stays good for its own", async () => {
    const { ticket } = await tickets.issue(ada, terms);
    for (const other of ["live/web-2", "live", "live/web-1/", "LIVE/web-1", "", undefined])
      await expect(tickets.redeem(ticket, other)).rejects.toMatchObject(invalid);
    await tickets.redeem(ticket, terms.stream);
  });

  test("for no stream opens none", async () => {
    const { ticket } = await tickets.issue(ada, { stream: undefined, lifeMs: 30_000 });
    await expect(tickets.redeem(ticket, "live/web-1")).rejects.toMatchObject(invalid);
    await tickets.redeem(ticket, undefined);
  });

  test("counts for its life and no longer", async () => {
    const [one, other] = [await tickets.issue(ada, terms), await tickets.issue(ada, terms)];
    clock.pass(29_999);
    await tickets.redeem(one.ticket, terms.stream);
    clock.pass(1);
    await expect(tickets.redeem(other.ticket, terms.stream)).rejects.toThrow(/expired/);
  });

  test("never lives longer than its token, nor than four minutes", async () => {
    const short = { ...token, expiresAtMs: clock.now() + 5000 };
    const { ticket, expiresAtMs } = await tickets.issue({ ...ada, token: short }, terms);
    expect(expiresAtMs).toBe(short.expiresAtMs);
    clock.pass(5000);
    await expect(tickets.redeem(ticket, terms.stream)).rejects.toThrow(/expired/);
    const long = await tickets.issue(ada, { ...terms, lifeMs: hourMs });
    expect(long.expiresAtMs).toBe(clock.now() + 240_000);
  });

  test("dies with its token", async () => {
    const { ticket } = await tickets.issue(ada, terms);
    const strict = ticketsOn(bus, (principal) => principal.token?.id === "t1" && principal.org === "acme");
    await expect(strict.redeem(ticket, terms.stream)).rejects.toMatchObject({ code: "token_revoked" });
  });

  test("leads to its own org, whatever its text says", async () => {
    const { ticket } = await tickets.issue(ada, terms);
    const [, secret] = ticket.split(".");
    for (const org of ["blue", "acme ", "Acme", "*", ">", ""]) {
      const forged = `${Buffer.from(org).toString("base64url")}.${secret}`;
      await expect(tickets.redeem(forged, terms.stream)).rejects.toMatchObject(invalid);
    }
    expect(await tickets.redeem(ticket, terms.stream)).toMatchObject({ org: "acme" });
  });

  test.each(["*", ">", "a.b", "é\u0301", "\0", "ünï 💥", "x".repeat(128), "💥".repeat(32), "\ufeffbom"])(
    "of the org %j stays there",
    async (org) => {
      const { ticket } = await tickets.issue({ ...ada, org }, terms);
      expect(ticket).toMatch(/^[A-Za-z0-9_.-]+$/);
      expect(await tickets.redeem(ticket, terms.stream)).toEqual({ ...ada, org });
    },
  );

  test("lies on the bus under a hash, so that whoever reads there cannot use it", async () => {
    const { ticket } = await tickets.issue(ada, terms);
    const [, secret = ""] = ticket.split(".");
    await tickets.redeem(ticket, terms.stream);
    const { messages } = await (await bus.journal(spec)).read(everything);
    const hash = createHash("sha256").update(secret).digest("base64url");
    expect(messages.filter(({ subject }) => subject === `skein.acme.tickets.${hash}`)).toHaveLength(2);
    for (const { subject, data } of messages) {
      for (const form of ["utf8", "hex", "base64"] as const) {
        expect(subject + Buffer.from(data).toString()).not.toContain(Buffer.from(secret).toString(form));
      }
      const [hidden = ""] = subject.split(".").slice(-1);
      await expect(tickets.redeem(`YWNtZQ.${hidden}`, terms.stream)).rejects.toMatchObject(invalid);
    }
  });

  const bearer = { subject: "ada", roles: ["viewer"] };
  const bodies = [
    "",
    "{}",
    "null",
    "[]",
    "\xff",
    '{"used":"x"}',
    JSON.stringify({ bearer: { ...bearer, roles: ["root"] }, stream: terms.stream, expiresAtMs: 9e15 }),
    JSON.stringify({ bearer: { roles: [] }, stream: terms.stream, expiresAtMs: 9e15 }),
    JSON.stringify({ bearer, stream: terms.stream, expiresAtMs: "never" }),
    JSON.stringify({ bearer, stream: [terms.stream], expiresAtMs: 9e15 }),
    JSON.stringify({ bearer, stream: terms.stream, expiresAtMs: 1 }),
  ];
  test.each(bodies)("that somebody stored as %j is none", async (body) => {
    const secret = randomBytes(32).toString("base64url");
    const hash = createHash("sha256").update(secret).digest("base64url");
    const journal = await bus.journal(spec);
    await journal.append(subjectOf("acme", `tickets.${hash}`), Buffer.from(body, "latin1"));
    await expect(tickets.redeem(`YWNtZQ.${secret}`, terms.stream)).rejects.toMatchObject(invalid);
  });

  const good = "A".repeat(43);
  const hostile = [
    "",
    ".",
    good,
    `.${good}`,
    `YWNtZQ.${good}`,
    `YWNtZQ.${good}A`,
    `YWNtZQ.${good}\n`,
    `YWNtZQ.${"*".repeat(43)}`,
    `YWNtZQ.${good.slice(1)}>`,
    `YWNtZQ==.${good}`,
    `YWNtZR.${good}`,
    `gIA.${good}`,
    `${"A".repeat(171)}.${good}`,
    `${"A".repeat(172)}.${good}`,
    "x".repeat(1_000_000),
    `*.${good}`,
    `acme.tickets.${good}`,
    "\ud800",
  ];
  test.each(hostile.map((text) => [text.slice(0, 60), text]))("is not the text %j", async (_short, text) => {
    await expect(tickets.redeem(text, terms.stream)).rejects.toMatchObject(invalid);
  });
});

test("while the bus is away there are no tickets, and it says so", async () => {
  const bus = await openEmbeddedBus({ file: ":memory:", clock: systemClock });
  const tickets = ticketsOn(bus);
  const { ticket } = await tickets.issue(ada, terms);
  await bus.close();
  await expect(tickets.issue(ada, terms)).rejects.toMatchObject({ code: "bus_away" });
  await expect(tickets.redeem(ticket, terms.stream)).rejects.toMatchObject({ code: "bus_away" });
});
