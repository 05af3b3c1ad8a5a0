import { describe, expect, test } from "vitest";
import { follow, transports } from "../support/client.ts";
import { token } from "../support/tokens.ts";
import { buses, Scene, withoutCursors } from "./scene.ts";

const attack = { type: "attack.state_changed", campaign_id: 7, name: "Rockyou", state: "running", progress: 42.5 };

describe.each(buses)("Pieces of pages, over %s,", (_, open) => {
  test.each(transports)("come over %s as attacks and jobs change", async (transport) => {
    await using scene = await Scene.open(open);
    using client = scene.follow(transport, "live/campaigns");
    expect(withoutCursors(await client.count(1))).toEqual([{ type: "snapshot", count: 0 }]);
    await scene.publish("attacks/a1", attack);
    await scene.publish("jobs/j1", { type: "job.progress", attack_id: "a1", progress: 100 });
    expect(withoutCursors(await client.count(3)).slice(1)).toEqual([
      {
        type: "attack.state_changed",
        id: "a1",
        html: '<article class="attack" data-attack="a1" data-campaign="7"><h3>Rockyou</h3><span class="state" data-state="running">running</span><progress max="100" value="42.5">42 %</progress></article>',
        refresh_target: '[data-attack="a1"]',
      },
      {
        type: "job.progress",
        id: "j1",
        html: '<li class="job" data-job="j1" data-of-attack="a1"><span>j1</span><progress max="100" value="100">100 %</progress></li>',
        refresh_target: '[data-job="j1"]',
      },
    ]);
  });

  test("come as agents change, are heard and have errors, and as hashes are cracked", async () => {
    await using scene = await Scene.open(open);
    using agents = scene.follow("ws", "live/agents");
    using toasts = scene.follow("ws", "live/toasts");
    await Promise.all([agents.count(1), toasts.count(1)]);
    await scene.publish("agents/g1", { type: "agent.state_changed", name: "rig", state: "active" });
    await scene.publish("agents/g1", { type: "agent.heartbeat" });
    await scene.publish("agents/g1", { type: "agent.error", message: "no GPU" });
    await scene.publish("cracks/k1", { type: "crack.submitted", campaign_id: "c1", hash_type: "NTLM", count: 2 });
    const frames = withoutCursors(await agents.count(4)).slice(1);
    expect(frames).toMatchObject([
      { type: "agent.state_changed", id: "g1", html: expect.stringContaining("<h3>rig</h3>") },
      { type: "agent.heartbeat", id: "g1", html: expect.stringContaining("<h3>g1</h3>") },
      { type: "agent.error", id: "g1", html: expect.stringContaining('<p class="error">no GPU</p>') },
    ]);
    expect(withoutCursors(await toasts.count(2))[1]).toEqual({
      type: "crack.submitted",
      id: "k1",
      html: '<div class="toast" role="status" data-crack="k1" data-campaign="c1">2 <code>NTLM</code> hashes cracked</div>',
    });
  });

  test("come again to whoever asks for the newest, and after a resume", async () => {
    await using scene = await Scene.open(open);
    for (const name of ["one", "two", "three"]) await scene.publish("attacks/a1", { ...attack, name });
    using client = scene.follow("sse", "live/campaigns?recent=2");
    const first = await client.count(3);
    expect(first[0]).toMatchObject({ type: "snapshot", count: 2 });
    expect(first.slice(1).map(({ html }) => /<h3>(\w+)/.exec(String(html))?.[1])).toEqual(["two", "three"]);
    const { cursor } = client;
    await scene.publish("attacks/a1", { ...attack, name: "four" });
    using resumed = scene.follow("ws", `live/campaigns?since=${cursor}`);
    expect(withoutCursors(await resumed.count(2))).toMatchObject([
      { type: "resumed", replayed: 1 },
      { type: "attack.state_changed", html: expect.stringContaining("four") },
    ]);
    using greedy = scene.follow("ws", "live/campaigns?recent=101");
    expect(await greedy.ended).toEqual({ code: 4400 });
  });

  test("need a token, and are those of its org", async () => {
    await using scene = await Scene.open(open);
    using nobody = follow("sse", scene.gateway.url, "live/toasts");
    expect(await nobody.ended).toEqual({ code: 401 });
    using stranger = scene.follow("ws", "live/campaigns?recent=100", await token({ org: "globex" }));
    await scene.publish("attacks/a1", attack);
    using own = scene.follow("ws", "live/campaigns?recent=100");
    await own.count(2);
    expect(withoutCursors(await stranger.count(1))).toEqual([{ type: "snapshot", count: 0 }]);
  });
});
