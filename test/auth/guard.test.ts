import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Guard } from "../../src/auth/guard.ts";
import { Keys } from "../../src/auth/jwt.ts";
import { openPrincipal, type Principal } from "../../src/auth/principal.ts";
import { Revocations } from "../../src/auth/revocations.ts";
import { Tickets } from "../../src/auth/tickets.ts";
import { buses, type TestBus } from "../support/buses.ts";
import { ManualClock } from "../support/clock.ts";
import { claimNames, goodClaims, p256, secret, sign } from "./tokens.ts";

const clock = new ManualClock();
const claims = goodClaims(clock);
const now = Math.floor(clock.now() / 1000);
const byUs = { alg: "HS256", key: secret };
const good = sign(claims, byUs);
const stream = "instances";

const ada = { subject: "ada", org: "acme", roles: new Set(["viewer"]), token: { id: "token-1" } };

type Place = "header" | "subprotocol" | "query" | "cookie";
const places: readonly Place[] = ["header", "subprotocol", "query", "cookie"];
const modes = ["open", "enforced"] as const;

/** A request that shows a token at some place. */
function asking(place: Place, token: string) {
  const headers = new Headers({ host: "localhost:8000" });
  const search = new URLSearchParams();
  if (place === "header") headers.set("authorization", `Bearer ${token}`);
  if (place === "subprotocol") headers.set("sec-websocket-protocol", `token, ${token}`);
  if (place === "cookie") headers.set("cookie", `skein_session=${token}`);
  if (place === "query") search.set("token", token);
  return { headers, search, stream };
}

function withTicket(ticket: string) {
  return { headers: new Headers(), search: new URLSearchParams({ ticket }), stream };
}

const nothing = { headers: new Headers({ host: "localhost:8000" }), search: new URLSearchParams(), stream };

const bad: [string, string, string][] = [
  ["is garbage", "abc", "token_invalid"],
  ["has no signature", `${good.slice(0, good.lastIndexOf("."))}.`, "token_invalid"],
  ["was signed by somebody else", sign(claims, { alg: "HS256", key: new Uint8Array(48) }), "token_invalid"],
  ["was signed with another algorithm", sign(claims, { alg: "ES256", key: p256.privateKey }), "token_invalid"],
  ["has expired", sign({ ...claims, exp: now - 60 }, byUs), "token_expired"],
  ["is not valid yet", sign({ ...claims, nbf: now + 60 }, byUs), "token_invalid"],
  ["names no org", sign({ ...claims, org: undefined }, byUs), "token_invalid"],
  ["names nobody", sign({ ...claims, sub: "" }, byUs), "token_invalid"],
  ["has lists that are none", sign({ ...claims, instances: "all" }, byUs), "token_invalid"],
  ["was revoked", sign({ ...claims, jti: "revoked-1" }, byUs), "token_revoked"],
];

describe.each(buses)("on %s", (_, open) => {
  let held: TestBus;
  let revocations: Revocations;
  let tickets: Tickets;
  const guardOf = (mode: (typeof modes)[number]) => {
    const keys = new Keys([{ kind: "secret", secret }], { clock });
    return new Guard({ mode, keys, claims: claimNames, tickets, revocations });
  };

  beforeAll(async () => {
    held = await open();
    const { bus } = held;
    revocations = new Revocations({ bus, clock, report: () => {}, warn: () => {} });
    const level = new Promise<void>((resolve) => revocations.onRevoked(resolve));
    await revocations.start();
    await level;
    const isRevoked = (principal: Principal) => revocations.isRevoked(principal);
    tickets = new Tickets({ bus, clock, isRevoked });
    await revocations.revoke("acme", { jti: "revoked-1" });
  });
  afterAll(async () => {
    revocations.close();
    await held[Symbol.asyncDispose]();
  });

  test("who shows nothing is anonymous in mode open, and refused in mode enforced", async () => {
    expect(await guardOf("open").identify(nothing)).toBe(openPrincipal);
    await expect(guardOf("enforced").identify(nothing)).rejects.toMatchObject({ code: "token_required", status: 401 });
  });

  describe.each(modes)("in mode %s", (mode) => {
    test.each(places)("a good token counts as %s", async (place) => {
      expect(await guardOf(mode).identify(asking(place, good))).toMatchObject(ada);
    });

    describe.each(places)("as %s", (place) => {
      test.each(bad)("a token that %s is refused, never taken for none", async (_why, token, code) => {
        await expect(guardOf(mode).identify(asking(place, token))).rejects.toMatchObject({ code, status: 401 });
      });
    });

    test.each(bad)("a token that %s is refused in a message too", async (_why, token, code) => {
      await expect(guardOf(mode).verify(token)).rejects.toMatchObject({ code });
    });

    test("a ticket counts once, and a bad one is refused", async () => {
      const { ticket } = await tickets.issue(await guardOf(mode).verify(good), { stream, lifeMs: 30_000 });
      expect(await guardOf(mode).identify(withTicket(ticket))).toMatchObject(ada);
      for (const text of [ticket, "abc", `YWNtZQ.${"A".repeat(43)}`])
        await expect(guardOf(mode).identify(withTicket(text))).rejects.toMatchObject({ code: "ticket_invalid" });
    });

    test("a ticket whose token was revoked meanwhile is refused", async () => {
      const doomed = sign({ ...claims, jti: `doomed-${mode}` }, byUs);
      const { ticket } = await tickets.issue(await guardOf(mode).verify(doomed), { stream, lifeMs: 30_000 });
      await revocations.revoke("acme", { jti: `doomed-${mode}` });
      await expect(guardOf(mode).identify(withTicket(ticket))).rejects.toMatchObject({ code: "token_revoked" });
    });

    test("a good cookie does not make up for a bad header, nor count from another site's page", async () => {
      const headers = new Headers({ host: "gw", cookie: `skein_session=${good}`, authorization: "Bearer abc" });
      await expect(guardOf(mode).identify({ ...nothing, headers })).rejects.toMatchObject({ code: "token_invalid" });
      const foreign = new Headers({ host: "gw", cookie: `skein_session=${good}`, origin: "http://evil.example" });
      const asked = guardOf(mode).identify({ ...nothing, headers: foreign });
      if (mode === "open") expect(await asked).toBe(openPrincipal);
      else await expect(asked).rejects.toMatchObject({ code: "token_required" });
    });

    test("without a key no token counts", async () => {
      const guard = new Guard({ mode, keys: undefined, claims: claimNames, tickets, revocations });
      await expect(guard.identify(asking("header", good))).rejects.toMatchObject({ code: "token_invalid" });
    });

    test("before revocations were read no token and no ticket counts, and no ticket is lost", async () => {
      const unread = new Revocations({ bus: held.bus, clock, report: () => {}, warn: () => {} });
      const keys = new Keys([{ kind: "secret", secret }], { clock });
      const guard = new Guard({ mode, keys, claims: claimNames, tickets, revocations: unread });
      await expect(guard.identify(asking("header", good))).rejects.toMatchObject({ code: "bus_away", status: 503 });
      const { ticket } = await tickets.issue(await guardOf(mode).verify(good), { stream, lifeMs: 30_000 });
      await expect(guard.identify(withTicket(ticket))).rejects.toMatchObject({ code: "bus_away" });
      expect(await guardOf(mode).identify(withTicket(ticket))).toMatchObject(ada);
    });
  });
});
