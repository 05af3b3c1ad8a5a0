import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { follow } from "../support/client.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { rest } from "../support/rest.ts";
import { bearer, enforced, token } from "../support/tokens.ts";

/** A body that does not say how long it is, as `curl -T -` and streaming clients send it. */
function inChunks(...texts: string[]): RequestInit {
  const body = new ReadableStream({
    start(controller) {
      for (const text of texts) controller.enqueue(new TextEncoder().encode(text));
      controller.close();
    },
  });
  return { method: "POST", body, duplex: "half" } as RequestInit;
}

test("A body that is sent in chunks is published whole", async () => {
  await using gateway = await startGateway();
  const answer = await fetch(`${gateway.url}/api/publish/runs/r1`, inChunks('{"type":', '"boot"}'));
  expect(answer.status).toBe(201);
});

test("A body in chunks that is too large is refused without being read to its end", async () => {
  await using gateway = await startGateway({ limits: { maxBodyBytes: 100 } });
  const answer = await fetch(
    `${gateway.url}/api/publish/runs/r1`,
    inChunks('{"type":"boot","x":"', "x".repeat(200), '"}'),
  );
  expect(answer.status).toBe(413);
  expect(await answer.json()).toMatchObject({ type: "error", code: "body_too_large" });
});

describe("A row", () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  test("is not deleted by an empty body, which is told what deletes", async () => {
    await gateway.publish("instances/a", { status: "running" });
    for (const body of [undefined, ""]) {
      const answer = await rest(gateway.url, "POST publish/instances/a", body);
      expect(answer).toMatchObject({
        status: 400,
        body: { code: "invalid_body", message: expect.stringContaining("DELETE") },
      });
    }
    expect((await rest(gateway.url, "GET instances/a")).status).toBe(200);
  });

  test("is deleted by DELETE, as often as it is said", async () => {
    await gateway.publish("instances/b", { status: "running" });
    using client = follow("ws", gateway.url, "instances");
    await client.count(1);
    for (const _ of [1, 2]) {
      const { status, body } = await rest(gateway.url, "DELETE publish/instances/b");
      expect({ status, body }).toMatchObject({ status: 200, body: { subject: "skein.default.instances.b" } });
    }
    expect((await client.count(2))[1]).toMatchObject({ type: "instance_deleted", name: "b" });
  });

  test("is not deleted twice under one Idempotency-Key", async () => {
    const key = { "Idempotency-Key": "once" };
    await gateway.publish("instances/c", { status: "running" });
    expect((await rest(gateway.url, "DELETE publish/instances/c", undefined, key)).body).toMatchObject({
      duplicate: false,
    });
    await gateway.publish("instances/c", { status: "running" });
    expect((await rest(gateway.url, "DELETE publish/instances/c", undefined, key)).body).toMatchObject({
      duplicate: true,
    });
    expect((await rest(gateway.url, "GET instances/c")).status).toBe(200);
  });
});

test.each(["runs/r1", "graph/c1", "attacks/a1", "messages/m1", "tasks/i1"])(
  "An event of %s is not deleted",
  async (tail) => {
    await using gateway = await startGateway();
    const { status, body } = await rest(gateway.url, `DELETE publish/${tail}`);
    expect({ status, body }).toMatchObject({ status: 400, body: { code: "bad_request" } });
  },
);

test("A row that only a publisher may write is deleted by a publisher alone", async () => {
  await using gateway = await startGateway({ auth: enforced });
  const as = async (...roles: string[]) => bearer(await token({ roles }));
  await gateway.publish("instances/a", { status: "running" }, await token());
  for (const headers of [{}, await as("viewer"), await as("viewer", "operator")])
    expect((await rest(gateway.url, "DELETE publish/instances/a", undefined, headers)).status).toBeGreaterThan(400);
  expect((await rest(gateway.url, "GET instances/a", undefined, await as("viewer"))).status).toBe(200);
  expect((await rest(gateway.url, "DELETE publish/instances/a", undefined, await as("publisher"))).status).toBe(200);
});
