import { expect, test } from "vitest";
import { ManualClock } from "../support/clock.ts";
import { startGateway } from "../support/gateway.ts";
import { bearer, openWithKey, token } from "../support/tokens.ts";

test("An answer carries the cursor to go on from", async () => {
  await using gateway = await startGateway();
  const position = await gateway.publish("instances/a", { status: "running" });
  const response = await fetch(`${gateway.url}/poll/instances`);
  const [snapshot] = (await response.json()) as { cursor: string }[];
  expect(response.headers.get("skein-cursor")).toBe(snapshot?.cursor);
  expect(snapshot?.cursor).toMatch(new RegExp(`-${position}$`));
});

test("An answer that the client has already is 304", async () => {
  await using gateway = await startGateway();
  const first = await fetch(`${gateway.url}/poll/instances`);
  const etag = first.headers.get("etag") ?? "";
  const headers = { "If-None-Match": etag };
  expect((await fetch(`${gateway.url}/poll/instances`, { headers })).status).toBe(304);
  await gateway.publish("instances/a", { status: "running" });
  expect((await fetch(`${gateway.url}/poll/instances`, { headers })).status).toBe(200);
});

test("With a wait the request is held until there is a frame", async () => {
  await using gateway = await startGateway();
  const since = (await fetch(`${gateway.url}/poll/instances`)).headers.get("skein-cursor");
  const held = fetch(`${gateway.url}/poll/instances?wait=20&since=${since}`);
  let isHeld = true;
  held.then(() => {
    isHeld = false;
  });
  for (let i = 0; i < 5; i++) await fetch(`${gateway.url}/healthz`);
  expect(isHeld).toBe(true);
  await gateway.publish("instances/a", { status: "up" });
  expect(await (await held).json()).toMatchObject([{ type: "instance_created", name: "a" }]);
});

test("With a wait the request is held until the time is up", async () => {
  const clock = new ManualClock();
  await using gateway = await startGateway({ clock });
  const since = (await fetch(`${gateway.url}/poll/instances`)).headers.get("skein-cursor");
  const held = fetch(`${gateway.url}/poll/instances?wait=20&since=${since}`);
  const pulse = setInterval(() => clock.pass(1000), 5);
  const response = await held;
  clearInterval(pulse);
  expect(await response.text()).toBe("[]");
  expect(response.headers.get("skein-cursor")).toBe(since);
});

test.each(["26", "-1", "soon", ""])("A wait of %j is refused", async (wait) => {
  await using gateway = await startGateway();
  const response = await fetch(`${gateway.url}/poll/instances?wait=${wait}`);
  expect(response.status).toBe(400);
  expect(await response.json()).toEqual({
    type: "error",
    code: "bad_query",
    message: 'Query parameter "wait": must be a number of seconds from 0 to 25',
  });
});

test.each([
  ["a ping", "graph/c1", { type: "tool_start", tool: "t" }, { type: "tool_start" }],
  [
    "a signal that is only said again",
    "mission/c1",
    { status: "busy" },
    { type: "signal", payload: { status: "busy" } },
  ],
])("A held request is not answered by %s", async (_, tail, news, told) => {
  const clock = new ManualClock(Date.now());
  await using gateway = await startGateway({ clock, auth: openWithKey });
  const as = await token({ org: "default" });
  const headers = bearer(as);
  const [stream] = tail.split("/");
  await gateway.publish("mission/c1", { status: "available" }, as);
  const first = await fetch(`${gateway.url}/poll/${stream}`, { headers });
  await first.text();
  const since = first.headers.get("skein-cursor");
  clock.pass(30_000);
  const held = fetch(`${gateway.url}/poll/${stream}?since=${since}&wait=25`, { headers });
  const metrics = () => fetch(`${gateway.url}/metrics`).then((answer) => answer.text());
  await expect.poll(metrics).toContain('skein_connections{transport="poll"} 1');
  clock.pass(20_000);
  expect(await metrics()).toContain('skein_connections{transport="poll"} 1');
  await gateway.publish(tail, news, as);
  expect(await (await held).json()).toMatchObject([told]);
});
