import { expect, test } from "vitest";
import { startGateway } from "../support/gateway.ts";
import { openWithKey, token } from "../support/tokens.ts";
import { muxOverEvents, muxOverWebSocket } from "./mux-client.ts";

test.each(["campaigns", "agents", "toasts"])(
  "/api/v1/web/live/%s is the stream of fragments, over WebSocket when the request upgrades",
  async (name) => {
    await using gateway = await startGateway({ auth: openWithKey });
    const bearer = await token();
    const at = (path: string) => ({ url: gateway.url, path, token: bearer });
    using ws = muxOverWebSocket(at(`api/v1/web/live/${name}?recent=1`));
    using sse = muxOverEvents(at(`api/v1/web/live/${name}?recent=1`));
    using plain = muxOverWebSocket(at(`ws/live/${name}?recent=1`));
    for (const client of [ws, sse, plain]) await client.count(undefined, 1);
    await gateway.publish("attacks/7", { type: "attack.progress", progress: 5 }, bearer);
    await gateway.publish("agents/7", { type: "agent.heartbeat" }, bearer);
    await gateway.publish("cracks/7", { type: "crack.submitted" }, bearer);
    for (const client of [ws, sse, plain]) expect((await client.count(undefined, 2))[1]).toMatchObject({ id: "7" });
    expect(ws.raw()).toEqual(plain.raw());
    expect(sse.raw()).toEqual(plain.raw());
  },
);

test("The addresses of fragments are for a token, and for what there is", async () => {
  await using gateway = await startGateway({ auth: openWithKey });
  const statusOf = async (path: string) => (await fetch(`${gateway.url}/api/v1/web/live/${path}`)).status;
  expect(await statusOf("agents")).toBe(401);
  expect(await statusOf("nothing")).toBe(404);
  using refused = muxOverWebSocket({ url: gateway.url, path: "api/v1/web/live/nothing" });
  expect(await refused.ended).toEqual({ code: 4404 });
  const ended = muxOverWebSocket({ url: gateway.url, path: "api/v1/web/lives" });
  expect(await ended.ended).toEqual({ code: 1006 });
});
