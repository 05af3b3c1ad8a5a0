import { expect, test } from "vitest";
import { startGateway } from "../support/gateway.ts";

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
