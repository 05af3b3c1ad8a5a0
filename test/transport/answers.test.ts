import { expect, test } from "vitest";
import { startGateway } from "../support/gateway.ts";
import { muxOverWebSocket } from "./mux-client.ts";

/** No stream, and as long as a name may be. */
const name = (n: number) => `none-${n}-`.padEnd(1000, "x");

interface Overview {
  readonly open: readonly { readonly queued_bytes: number }[];
}

async function queuedBytes(url: string): Promise<number> {
  const { open } = (await (await fetch(`${url}/api/gateway`)).json()) as Overview;
  return open[0]?.queued_bytes ?? 0;
}

test("A client that does not read what it is answered is not listened to, and loses no answer", async () => {
  // How much is read in one go is the runtime's own; here it shall not be what ends the connection.
  await using gateway = await startGateway({ limits: { queueFrames: 1_000_000, queueBytes: 2 ** 30 } });
  using client = muxOverWebSocket({ url: gateway.url });
  await client.opened;
  client.pause();
  const asked = 12_000;
  let most = 0;
  for (let n = 0; n < asked; n++) {
    client.send({ type: "subscribe", stream: name(n) });
    if (n % 500 !== 0) continue;
    most = Math.max(most, await queuedBytes(gateway.url));
  }
  await expect.poll(() => queuedBytes(gateway.url)).toBeGreaterThan(0);
  expect(Math.max(most, await queuedBytes(gateway.url))).toBeLessThan(4 * 1024 * 1024);
  client.resume();
  await client.until(() => client.told.length >= 2 * asked);
  const refused = client.told.filter(({ json }) => json.startsWith('{"type":"error"'));
  expect(refused).toHaveLength(asked);
  expect(refused.findIndex(({ stream }, n) => stream !== name(n))).toBe(-1);
});

test("A client is not idle while it is not listened to", async () => {
  await using gateway = await startGateway({ limits: { idleAfterMs: 1500 } });
  using client = muxOverWebSocket({ url: gateway.url });
  await client.opened;
  client.pause();
  for (let n = 0; n < 12_000; n++) client.send({ type: "subscribe", stream: name(n) });
  await expect.poll(() => queuedBytes(gateway.url)).toBeGreaterThan(0);
  let isThere = true;
  void client.ended.then(() => {
    isThere = false;
  });
  // Two clients that came later, one after the other, are idle and end; this one outlives both.
  for (let n = 0; n < 2; n++) {
    using quiet = muxOverWebSocket({ url: gateway.url });
    await quiet.opened;
    expect(await quiet.ended).toMatchObject({ code: 1001 });
  }
  expect(isThere).toBe(true);
});

test("A client with more unread answers than may wait is ended with too_many_messages", async () => {
  await using gateway = await startGateway({ limits: { queueFrames: 8 } });
  using client = muxOverWebSocket({ url: gateway.url });
  await client.opened;
  client.pause();
  for (let n = 0; n < 12_000; n++) client.send({ type: "subscribe", stream: name(n) });
  await expect.poll(() => queuedBytes(gateway.url)).toBeGreaterThan(0);
  client.resume();
  expect(await client.ended).toEqual({ code: 4429 });
  expect(client.frames().at(-1)).toMatchObject({ type: "error", code: "too_many_messages" });
});

test("A name that can be no stream's is refused, and echoed cut", async () => {
  await using gateway = await startGateway();
  using client = muxOverWebSocket({ url: gateway.url });
  await client.opened;
  const long = "😀".repeat(16_000);
  for (const type of ["subscribe", "unsubscribe", "set_include_archived"]) client.send({ type, stream: long });
  await client.until(() => client.told.length >= 3);
  for (const { stream, json } of client.told) {
    expect(stream).toBe(`${"😀".repeat(64)}…`);
    expect(JSON.parse(json)).toMatchObject({ code: "unknown_stream", message: expect.stringMatching(/1024/) });
  }
});

test("A name that can be no room's is refused, and echoed cut", async () => {
  await using gateway = await startGateway();
  using client = muxOverWebSocket({ url: gateway.url, path: "ws/tasks" });
  await client.opened;
  const instance_id = "i".repeat(30_000);
  for (const type of ["subscribe_instance", "unsubscribe_instance"]) client.send({ type, instance_id });
  const answers = await client.until(() => client.told.length >= 3).then(() => client.frames().slice(1));
  const shown = `${"i".repeat(128)}…`;
  expect(answers).toMatchObject([
    { type: "error", code: "bad_request", instance_id: shown },
    { type: "error", code: "bad_request", instance_id: shown },
  ]);
});
