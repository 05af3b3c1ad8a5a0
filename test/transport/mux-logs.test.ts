import { expect, test } from "vitest";
import { buses } from "../support/buses.ts";
import { follow } from "../support/client.ts";
import { startGateway } from "../support/gateway.ts";
import { LogDirectory } from "../support/logs.ts";
import { muxOverEvents, muxOverWebSocket } from "./mux-client.ts";

test.each(buses)(
  "On %s, a log among many streams is told and resumed, and ends alone when its instance goes",
  async (_, open) => {
    await using ground = await open();
    using directory = new LogDirectory();
    directory.append("web", "one", "two");
    const agent = await directory.startAgent(ground.bus);
    await using gateway = await startGateway({ bus: ground.bus });
    await using other = await startGateway({ bus: ground.bus });
    await gateway.publish("instances/web", { status: "up" });
    const log = "instances/web/logs?backlog=2";
    using ws = muxOverWebSocket({ url: gateway.url, streams: [log, "instances"] });
    using sse = muxOverEvents({ url: gateway.url, streams: ["instances", log] });
    using alone = follow("ws", gateway.url, log);
    for (const client of [ws, sse]) await client.count(log, 1);
    await alone.count(1);
    expect(ws.frames(log)[0]).toMatchObject({ type: "backlog", lines: ["one", "two"] });
    directory.append("web", "three");
    for (const client of [ws, sse]) await client.count(log, 2);
    await alone.count(2);
    expect(ws.raw(log)).toEqual(alone.raw);
    expect(sse.raw(log)).toEqual(alone.raw);
    sse.close();
    directory.append("web", "four");
    await ws.count(log, 3);
    using again = muxOverEvents({ url: other.url, streams: [log, "instances"], lastEventId: sse.id });
    expect(await again.count(log, 2)).toMatchObject([{ type: "resumed", replayed: 1 }, { lines: ["four"] }]);
    await gateway.publish("instances/web", null);
    for (const client of [ws, again]) {
      await client.until(() => client.types(log).includes("unsubscribed"));
      expect(client.frames(log).slice(-2)).toMatchObject([
        { type: "error", code: "instance_deleted" },
        { type: "unsubscribed", reason: "instance_deleted" },
      ]);
    }
    await gateway.publish("instances/next", { status: "up" });
    for (const client of [ws, again]) await client.until(() => client.types("instances").includes("instance_created"));
    await agent.close();
  },
);
