import { describe, expect, test } from "vitest";
import type { SkeinOptions } from "../../src/skein.ts";
import { follow, transports } from "../support/client.ts";
import { ManualClock } from "../support/clock.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { none, unlimited } from "../support/quotas.ts";
import { bearer, enforced, token } from "../support/tokens.ts";

type Quotas = NonNullable<SkeinOptions["quotas"]>;

function startLimited(quotas: Partial<Quotas>): Promise<Gateway> {
  return startGateway({ auth: enforced, quotas: { ...unlimited, ...quotas } });
}

async function counted(gateway: Gateway): Promise<string> {
  const operator = await token({ org: "default" });
  const response = await fetch(`${gateway.url}/metrics`, { headers: bearer(operator) });
  return response.text();
}

describe("Whoever has too much", () => {
  test.each(["ws", "sse"] as const)(
    "of connections at once is refused one more over %s, and served again when one has gone",
    async (transport) => {
      await using gateway = await startLimited({ connections: { ...none, principal: 2 } });
      const [ann, bob] = [await token(), await token({ sub: "bob" })];
      using one = follow(transport, gateway.url, "instances", ann);
      using two = follow(transport, gateway.url, "instances", ann);
      for (const client of [one, two]) await client.count(1);
      const refused = follow(transport, gateway.url, "instances", ann);
      expect(await refused.count(1)).toMatchObject([{ code: "too_many_connections", retry_after: 1 }]);
      expect((await refused.ended).code).toBe(transport === "ws" ? 4429 : 429);
      using other = follow(transport, gateway.url, "instances", bob);
      expect(await other.count(1)).toMatchObject([{ type: "snapshot" }]);
      two.close();
      await two.ended;
      await expect
        .poll(async () => (await follow(transport, gateway.url, "instances", ann).count(1))[0]?.type)
        .toBe("snapshot");
      expect(await counted(gateway)).toMatch(/^skein_limited_total\{limit="connections principal"\} [1-9]/m);
    },
  );

  test("hears so over HTTP only a moment later, and cannot keep others waiting by asking again at once", async () => {
    const clock = new ManualClock();
    await using gateway = await startGateway({ quotas: { ...unlimited, reads: { ...none, address: 1 } }, clock });
    const ask = () => fetch(`${gateway.url}/api/streams`);
    for (let i = 0; i < 10; i++) expect((await ask()).status).toBe(200);
    let answers = 0;
    const refused = ask().finally(() => {
      answers += 1;
    });
    // What is asked later is answered before.
    expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200);
    expect(answers).toBe(0);
    await expect
      .poll(() => {
        clock.pass(200);
        return answers;
      })
      .toBe(1);
    expect((await refused).status).toBe(429);
  });

  test.each(transports)("is told how long to wait before it asks again over %s", async (transport) => {
    const limit = transport === "poll" ? "reads" : "subscribes";
    await using gateway = await startLimited({ [limit]: { ...none, org: 1 } });
    const as = await token();
    const clients = Array.from({ length: 10 }, () => follow(transport, gateway.url, "instances", as));
    for (const client of clients) await client.count(1);
    const refused = follow(transport, gateway.url, "instances", as);
    const [frame] = await refused.count(1);
    const code = transport === "poll" ? "too_many_reads" : "too_many_subscriptions";
    expect(frame).toMatchObject({ type: "error", code, retry_after: 1 });
    expect((await refused.ended).code).toBe(transport === "ws" ? 4429 : 429);
    using elsewhere = follow(transport, gateway.url, "instances", await token({ org: "globex" }));
    expect(await elsewhere.count(1)).toMatchObject([{ type: "snapshot" }]);
    for (const client of clients) client.close();
  });

  test("of connections from one address is refused before anybody looks at its token", async () => {
    await using gateway = await startLimited({ connects: { ...none, address: 1 } });
    const answers = Array.from({ length: 12 }, () => fetch(`${gateway.url}/sse/instances`, { headers: bearer("x") }));
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([401, 429]));
    const refused = await fetch(`${gateway.url}/sse/instances`);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "1"]);
  });

  test("says too much over WebSocket is closed with 4429, pings counted", async () => {
    await using gateway = await startLimited({ messages: { ...none, principal: 1 } });
    const client = follow("ws", gateway.url, "instances", await token());
    await client.count(1);
    for (let i = 0; i < 11; i++) client.send({ type: "ping" });
    expect((await client.ended).code).toBe(4429);
    expect(client.frames.at(-1)).toMatchObject({ type: "error", code: "too_many_messages", retry_after: 1 });
  });

  test("asks for fresh snapshots too often is closed with 4429", async () => {
    await using gateway = await startLimited({ reads: { ...none, principal: 1 } });
    const client = follow("ws", gateway.url, "instances", await token());
    await client.count(1);
    for (let i = 0; i < 11; i++) client.send({ type: "set_include_archived", value: i % 2 === 0 });
    expect((await client.ended).code).toBe(4429);
    expect(client.frames.at(-1)).toMatchObject({ code: "too_many_reads" });
  });

  test("publishes too often or too much is refused, and nothing of that is stored", async () => {
    await using gateway = await startLimited({
      publishes: { ...none, principal: 1 },
      publishBytes: { ...none, org: 100 },
    });
    const ann = await token();
    const publish = (as: string, body: string) =>
      fetch(`${gateway.url}/api/publish/runs/r1`, { method: "POST", headers: bearer(as), body });
    for (let i = 0; i < 10; i++) expect((await publish(ann, '{"type":"boot"}')).status).toBe(201);
    const often = await publish(ann, '{"type":"boot"}');
    expect([often.status, ((await often.json()) as { code: string }).code]).toEqual([429, "too_many_publishes"]);
    const bob = await token({ sub: "bob" });
    const long = (await publish(bob, JSON.stringify({ type: "boot", text: "x".repeat(900) }))).status;
    expect(long).toBe(429);
    using client = follow("sse", gateway.url, "runs/r1", ann);
    expect((await client.count(11))[0]).toMatchObject({ type: "snapshot", count: 10 });
  });
});
