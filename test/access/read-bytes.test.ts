import { describe, expect, test } from "vitest";
import { follow } from "../support/client.ts";
import { ManualClock } from "../support/clock.ts";
import { startGateway } from "../support/gateway.ts";
import { none, unlimited } from "../support/quotas.ts";
import { bearer, enforced, token } from "../support/tokens.ts";

/** 1,000 bytes a second, 10,000 at once. */
const readBytes = { ...none, principal: 1000 };
/** A gateway whose fleet takes about 6,000 bytes to tell. */
async function startLimited(clock: ManualClock) {
  const gateway = await startGateway({ auth: enforced, quotas: { ...unlimited, readBytes }, clock });
  const writer = await token();
  for (let n = 0; n < 6; n++) {
    await gateway.publish(`instances/i${n}`, { status: "running", note: "x".repeat(900) }, writer);
  }
  return gateway;
}

describe("Whoever reads too many bytes", () => {
  test.each(["poll/instances", "api/instances"])(
    "of /%s is refused until they have come back, and others are not",
    async (path) => {
      const clock = new ManualClock(Date.now());
      await using gateway = await startLimited(clock);
      const [ann, bob] = [bearer(await token()), bearer(await token({ sub: "bob" }))];
      const ask = (headers: Record<string, string>) => fetch(`${gateway.url}/${path}`, { headers });
      const size = (await (await ask(ann)).text()).length;
      expect(size).toBeGreaterThan(5500);
      expect((await ask(ann)).status).toBe(200);
      const pulse = setInterval(() => clock.pass(10), 5);
      const refused = await ask(ann);
      clearInterval(pulse);
      expect([refused.status, Number(refused.headers.get("retry-after"))]).toEqual([429, expect.any(Number)]);
      expect(await refused.json()).toMatchObject({
        code: "too_many_reads",
        message: expect.stringMatching(/bytes read/),
      });
      expect((await ask(bob)).status).toBe(200);
      clock.pass(20_000);
      expect((await ask(ann)).status).toBe(200);
    },
  );

  test("as snapshots is refused a stream, and served when it has none of it to read", async () => {
    const clock = new ManualClock(Date.now());
    await using gateway = await startLimited(clock);
    const ann = await token();
    for (const transport of ["ws", "sse"] as const) {
      using client = follow(transport, gateway.url, "instances", ann);
      await client.count(1);
    }
    const refused = follow("ws", gateway.url, "instances", ann);
    expect(await refused.count(1)).toMatchObject([{ code: "too_many_reads", retry_after: expect.any(Number) }]);
    expect((await refused.ended).code).toBe(4429);
  });

  test("does not pay for what it has already", async () => {
    const clock = new ManualClock(Date.now());
    await using gateway = await startLimited(clock);
    const headers = bearer(await token());
    const etag = (await fetch(`${gateway.url}/poll/instances`, { headers })).headers.get("etag") ?? "";
    for (let n = 0; n < 20; n++) {
      const answer = await fetch(`${gateway.url}/poll/instances`, { headers: { ...headers, "if-none-match": etag } });
      expect(answer.status).toBe(304);
    }
  });
});

test.each(["publish/runs/r", "messages", "instances"])(
  "An Idempotency-Key for /api/%s has 256 characters at most",
  async (path) => {
    await using gateway = await startGateway();
    const bodies: Record<string, object> = {
      "publish/runs/r": { type: "boot" },
      messages: { from: "a", to: "b", message_type: "t", payload: 1 },
      instances: { name: "a", template: "none" },
    };
    const ask = async (key: string) => {
      const headers = { "Idempotency-Key": key };
      return fetch(`${gateway.url}/api/${path}`, { method: "POST", body: JSON.stringify(bodies[path]), headers });
    };
    const refused = await ask("k".repeat(257));
    expect([refused.status, await refused.json()]).toEqual([
      400,
      expect.objectContaining({ code: "bad_request", message: expect.stringMatching(/Idempotency-Key.*256/) }),
    ]);
    expect(await (await ask("k".repeat(256))).json()).not.toMatchObject({ code: "bad_request" });
  },
);
