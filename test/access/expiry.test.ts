import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buses, type TestBus } from "../support/buses.ts";
import { type Client, follow, type Seen, transports } from "../support/client.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { bearer, enforced, type Facts, token } from "../support/tokens.ts";

/** Seconds since 1970, as tokens have them. */
function secondsFromNow(seconds: number): number {
  return Date.now() / 1000 + seconds;
}

async function post(gateway: Gateway, path: string, said: { as: string; body: unknown }): Promise<[number, unknown]> {
  const headers = bearer(said.as);
  const response = await fetch(`${gateway.url}/api/${path}`, {
    method: "POST",
    headers,
    body: JSON.stringify(said.body),
  });
  const text = await response.text();
  return [response.status, text === "" ? undefined : JSON.parse(text)];
}

function isOfType(type: string): (frames: Seen[]) => boolean {
  return (frames) => frames.some((frame) => frame.type === type);
}

interface LastWords {
  readonly code: unknown;
  readonly close: number | undefined;
  /** When the error came. */
  readonly atMs: number;
}

/** How long a close may take after the error that it follows; an event stream has none to wait for. */
const lastWordsMs = 1000;

/** The refusal that ends a connection, and the close code where there is one; a poll is not asked what comes after. */
async function lastWords(client: Client): Promise<LastWords> {
  const frames = await client.until(isOfType("error"));
  const atMs = Date.now();
  const over = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => over.resolve(undefined), lastWordsMs);
  const ended = await Promise.race([client.ended, over.promise]);
  clearTimeout(timer);
  client.close();
  return { code: frames.find(({ type }) => type === "error")?.code, close: ended?.code, atMs };
}

describe.concurrent.each(buses)("On %s, two gateways", (_name, open) => {
  let ground: TestBus;
  let one: Gateway;
  let other: Gateway;

  beforeAll(async () => {
    ground = await open();
    one = await startGateway({ bus: ground.bus, auth: enforced });
    other = await startGateway({ bus: ground.bus, auth: enforced });
    await one.publish("instances/web-1", { status: "running" }, await token());
  });

  afterAll(async () => {
    await one.close();
    await other.close();
    await ground[Symbol.asyncDispose]();
  });

  test.each(transports)(
    "end a connection over %s when its token ends, not before and within a second",
    async (transport) => {
      const exp = secondsFromNow(1.2);
      const client = follow(transport, one.url, "instances", await token({ exp }));
      await client.until(isOfType("snapshot"));
      const { code, close, atMs } = await lastWords(client);
      const lateMs = atMs - exp * 1000;
      expect(code).toBe("token_expired");
      if (transport === "ws") expect(close).toBe(4401);
      expect(lateMs).toBeGreaterThanOrEqual(0);
      expect(lateMs).toBeLessThan(1000);
    },
  );

  test("warn before, and a WebSocket that says a newer token goes on without missing a frame", async () => {
    const exp = secondsFromNow(1.5);
    using client = follow("ws", one.url, "runs/renewed", await token({ exp }));
    const warned = (await client.until(isOfType("token_expiring"))).at(-1);
    expect(warned).toMatchObject({ expires_at: new Date(exp * 1000).toISOString(), connection: expect.any(String) });
    const publisher = await token();
    const events = Array.from({ length: 30 }, (_, number) => number);
    const feeding = (async () => {
      for (const number of events) {
        await one.publish("runs/renewed", { type: "task_start", number }, publisher);
        await new Promise((resolve) => setTimeout(resolve, 80));
      }
    })();
    client.send({ type: "auth", token: await token() });
    await client.until(isOfType("authenticated"));
    await feeding;
    const frames = await client.until(
      (seen) => seen.filter(({ type }) => type === "task_start").length === events.length,
    );
    expect(Date.now()).toBeGreaterThan(exp * 1000);
    expect(frames.filter(({ type }) => type === "task_start").map(({ number }) => number)).toEqual(events);
  });

  test("take a newer token for an event stream, also when its connection is on the other one", async () => {
    for (const [home, asked] of [
      [one, one],
      [one, other],
    ] as const) {
      const exp = secondsFromNow(1.2);
      using client = follow("sse", home.url, "instances", await token({ exp }));
      const warned = (await client.until(isOfType("token_expiring"))).at(-1);
      const body = { connection: warned?.connection };
      const newer = secondsFromNow(2.5);
      const [status, answer] = await post(asked, "session/refresh", { as: await token({ exp: newer }), body });
      expect([status, answer]).toEqual([200, { ...body, expires_at: new Date(newer * 1000).toISOString() }]);
      // The newer one ends within a minute, too.
      await client.until((frames) => frames.filter(({ type }) => type === "token_expiring").length === 2);
      expect((await lastWords(client)).code).toBe("token_expired");
      expect(Date.now()).toBeGreaterThanOrEqual(newer * 1000);
    }
  });

  test("renew no connection for somebody else, for another org, or with other rights", async () => {
    using client = follow("ws", one.url, "instances", await token({ exp: secondsFromNow(30) }));
    const connection = (await client.until(isOfType("token_expiring"))).at(-1)?.connection;
    const others: Facts[] = [{ sub: "bob" }, { org: "globex" }, { roles: ["viewer"] }, { instances: ["web-*"] }];
    for (const facts of others) {
      for (const gateway of [one, other]) {
        const answer = await post(gateway, "session/refresh", { as: await token(facts), body: { connection } });
        expect(answer).toMatchObject([
          expect.any(Number),
          { code: expect.stringMatching(/^(?:forbidden|connection_not_found)$/) },
        ]);
      }
    }
    const unknown = { as: await token(), body: { connection: "nobody.1.x" } };
    expect(await post(one, "session/refresh", unknown)).toMatchObject([404, { code: "connection_not_found" }]);
    client.send({ type: "auth", token: await token({ sub: "bob" }) });
    expect(await lastWords(client)).toMatchObject({ code: "forbidden", close: 4403 });
  });

  test("close a WebSocket that says a bad token, and one that says none", async () => {
    const bad = follow("ws", one.url, "instances", await token());
    await bad.count(1);
    bad.send({ type: "auth", token: "nonsense" });
    expect(await lastWords(bad)).toMatchObject({ code: "token_invalid", close: 4401 });
    const none = follow("ws", one.url, "instances", await token());
    await none.count(1);
    none.send({ type: "auth" });
    expect(await lastWords(none)).toMatchObject({ code: "invalid_message", close: 1008 });
  });

  test.each(transports)("cut on both what was revoked, over %s, and nobody else", async (transport) => {
    const doomed = [
      { facts: { sub: `jti-${transport}`, jti: `id-${transport}` }, order: { jti: `id-${transport}` } },
      { facts: { sub: `sub-${transport}` }, order: { sub: `sub-${transport}` } },
    ];
    for (const { facts, order } of doomed) {
      const as = await token(facts);
      const clients = [one, other].map(({ url }) => follow(transport, url, "instances", as));
      using bystander = follow(transport, other.url, "instances", await token({ sub: "bystander" }));
      using elsewhere = follow(transport, other.url, "instances", await token({ ...facts, org: "globex" }));
      for (const client of [...clients, bystander, elsewhere]) await client.count(1);
      const revokedMs = Date.now();
      expect(await post(one, "revocations", { as: await token(), body: order })).toEqual([204, undefined]);
      for (const client of clients) expect((await lastWords(client)).code).toBe("token_revoked");
      expect(Date.now() - revokedMs).toBeLessThan(1000);
      for (const { url } of [one, other]) {
        const { status } = await fetch(`${url}/api/instances`, { headers: bearer(as) });
        expect(status).toBe(401);
      }
      await one.publish("instances/web-1", { status: `after ${JSON.stringify(order)}` }, await token());
      await bystander.until(isOfType("status_changed"));
      const { status } = await fetch(`${other.url}/api/instances`, {
        headers: bearer(await token({ ...facts, org: "globex" })),
      });
      expect(status).toBe(200);
    }
  });

  test("cut a whole org, and let in who comes with a token made later", async () => {
    using mine = follow("sse", other.url, "instances", await token({ org: "initech" }));
    using theirs = follow("sse", other.url, "instances", await token({ org: "globex" }));
    await mine.count(1);
    await theirs.count(1);
    const order = { as: await token({ org: "initech" }), body: { org: true } };
    expect((await post(one, "revocations", order))[0]).toBe(204);
    expect((await lastWords(mine)).code).toBe("token_revoked");
    const later = await token({ org: "initech", iat: Math.floor(Date.now() / 1000) + 1 });
    using again = follow("sse", one.url, "instances", later);
    expect(await again.count(1)).toMatchObject([{ type: "snapshot" }]);
    await one.publish("instances/globex-1", { status: "running" }, await token({ org: "globex" }));
    await theirs.until(isOfType("instance_created"));
  });

  test("let only operators revoke, and only in their own org", async () => {
    const viewer = await token({ roles: ["viewer", "publisher"] });
    expect(await post(one, "revocations", { as: viewer, body: { sub: "ann" } })).toMatchObject([
      403,
      { code: "forbidden" },
    ]);
    const victim = await token({ org: "globex", sub: "victim", jti: "victim" });
    for (const body of [{ jti: "victim" }, { sub: "victim" }])
      await post(one, "revocations", { as: await token(), body });
    expect((await fetch(`${one.url}/api/instances`, { headers: bearer(victim) })).status).toBe(200);
    const wrong = await post(one, "revocations", { as: await token(), body: { user: "ann" } });
    expect(wrong).toMatchObject([400, { code: "bad_request" }]);
  });
});
