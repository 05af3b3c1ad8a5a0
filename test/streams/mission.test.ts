import { describe, expect, test } from "vitest";
import { type Client, follow, transports } from "../support/client.ts";
import { ManualClock } from "../support/clock.ts";
import { token } from "../support/tokens.ts";
import { buses, embeddedBy, Scene, withoutCursors } from "./scene.ts";

function signal(crewId: string, status: string, more: object = {}) {
  return { type: "signal", payload: { status, crewId, ...more } };
}

/** The signals so far, as `c1 busy`. */
function said({ frames }: Client): string[] {
  const payloads = frames.filter(({ type }) => type === "signal").map(({ payload }) => payload);
  return (payloads as { crewId: string; status: string }[]).map(({ crewId, status }) => `${crewId} ${status}`);
}

describe.each(buses)("Crews, over %s,", (_, open) => {
  test.each(transports)("are counted and told first over %s, then each change is", async (transport) => {
    await using scene = await Scene.open(open);
    await scene.place("mission/c1", { status: "busy", doing: "tests" });
    await scene.place("mission/c2", { status: "available" });
    using client = scene.follow(transport, "mission");
    const first = await client.count(3);
    expect(withoutCursors(first)).toEqual([
      { type: "snapshot", count: 2 },
      signal("c1", "busy", { doing: "tests" }),
      signal("c2", "available"),
    ]);
    expect(first.map(({ cursor }) => cursor !== undefined)).toEqual([false, false, true]);
    await scene.publish("mission/c2", { status: "available" });
    await scene.publish("mission/c2", { status: "busy" });
    await scene.publish("mission/c1", null);
    expect(withoutCursors(await client.count(5)).slice(3)).toEqual([signal("c2", "busy"), signal("c1", "offline")]);
  });

  test("are told of one by one to whoever asks for one", async () => {
    await using scene = await Scene.open(open);
    await scene.place("mission/c1", { status: "busy" });
    await scene.place("mission/c2", { status: "busy" });
    using client = scene.follow("sse", "mission?crew=c2");
    await client.count(2);
    await scene.publish("mission/c1", { status: "available" });
    await scene.publish("mission/c2", { status: "available" });
    expect(withoutCursors(await client.count(3))).toEqual([
      { type: "snapshot", count: 1 },
      signal("c2", "busy"),
      signal("c2", "available"),
    ]);
  });

  test("that nobody has heard for 90 s are offline, for every gateway alike, and nobody has written that", async () => {
    const clock = new ManualClock(Date.now());
    await using scene = await Scene.open(open, clock);
    const position = await scene.publish("mission/c1", { status: "busy", doing: "tests" });
    using here = scene.follow("sse", "mission");
    using there = follow("sse", scene.other.url, "mission", scene.token);
    await Promise.all([here.count(2), there.count(2)]);
    clock.pass(88_000);
    expect(said(here)).not.toContain("c1 offline");
    clock.pass(3_000);
    const offline = signal("c1", "offline", { doing: "tests" });
    for (const client of [here, there]) {
      await client.until(() => said(client).includes("c1 offline"));
      expect(withoutCursors(client.frames)).toContainEqual(offline);
    }
    using later = scene.follow("poll", "mission");
    expect(withoutCursors(await later.count(2))).toEqual([{ type: "snapshot", count: 1 }, offline]);
    expect(await scene.publish("mission/c2", { status: "available" })).toBe(position + 1);
  });

  test("need a token, and are those of its org and of its crews", async () => {
    await using scene = await Scene.open(open);
    await scene.place("mission/c1", { status: "busy" });
    await scene.place("mission/c2", { status: "busy" });
    using nobody = follow("ws", scene.gateway.url, "mission");
    expect(await nobody.ended).toEqual({ code: 4401 });
    expect(nobody.frames).toMatchObject([{ type: "error", code: "token_required" }]);
    using asPage = follow("ws", scene.gateway.url, "mission", "notatoken");
    expect(await asPage.ended).toEqual({ code: 4401 });
    using stranger = scene.follow("ws", "mission", await token({ org: "globex" }));
    expect(withoutCursors(await stranger.count(1))).toEqual([{ type: "snapshot", count: 0 }]);
    using limited = scene.follow("ws", "mission", await token({ crews: ["c2"] }));
    expect(withoutCursors(await limited.count(2))).toEqual([{ type: "snapshot", count: 1 }, signal("c2", "busy")]);
    using curious = scene.follow("ws", "mission?crew=c1", await token({ crews: ["c2"] }));
    expect(await curious.ended).toEqual({ code: 4403 });
  });
});

test("A crew that says again every 45 s how it is stays so, and everybody is told again as often", async () => {
  const clock = new ManualClock();
  await using scene = await Scene.open(embeddedBy(clock), clock);
  const own = await token({ iat: clock.now() / 1000, exp: clock.now() / 1000 + 3600 });
  using client = scene.follow("sse", "mission", own);
  await client.count(1);
  for (let round = 1; round <= 4; round++) {
    await scene.gateway.publish("mission/c1", { status: "busy" }, own);
    await client.until(() => said(client).length === round);
    clock.pass(45_000);
    await client.until(() => said(client).length === round + 1);
  }
  expect(new Set(said(client))).toEqual(new Set(["c1 busy"]));
  clock.pass(45_000);
  await client.until(() => said(client).includes("c1 offline"));
  await scene.gateway.publish("mission/c1", { status: "busy" }, own);
  await client.until(() => said(client).at(-1) === "c1 busy");
});
