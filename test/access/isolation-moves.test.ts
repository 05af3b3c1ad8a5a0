import { describe, expect, test } from "vitest";
import { follow, transports } from "../support/client.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { rest } from "../support/rest.ts";
import { bearer } from "../support/tokens.ts";
import { racks } from "./isolation-streams.ts";
import { strict, tokenOf } from "./isolation-tokens.ts";

const first = { crew_id: "c1", note: "of the first" };
const second = { crew_id: "c2", note: "of the second" };

const start = () => startGateway({ auth: strict, streams: [racks] });
const everybody = () => tokenOf({});
const firstCrew = () => tokenOf({ crews: ["c1"] });

describe.each(transports)("Whoever may see one crew of a table, over %s,", (transport) => {
  test("is told that a row is gone when it goes to another crew, and nothing of where it is", async () => {
    await using gateway = await start();
    const all = await everybody();
    await gateway.publish("racks/r", first, all);
    using client = follow(transport, gateway.url, "racks", await firstCrew());
    await client.count(1);
    await gateway.publish("racks/r", second, all);
    await gateway.publish("racks/last", first, all);
    const frames = await client.until((seen) => seen.some(({ name }) => name === "last"));
    expect(client.raw.join()).not.toContain('"c2"');
    expect(frames.map(({ type, name }) => [type, name])).toContainEqual(["rack_removed", "r"]);
  });

  test("is told of all of a row that comes from another crew", async () => {
    await using gateway = await start();
    const all = await everybody();
    await gateway.publish("racks/r", second, all);
    using client = follow(transport, gateway.url, "racks", await firstCrew());
    await client.count(1);
    await gateway.publish("racks/r", first, all);
    const frames = await client.count(2);
    expect(frames[1]).toMatchObject({ type: "rack_added", name: "r", note: "of the first" });
  });

  test("sees nothing of a row of another crew, whatever becomes of it", async () => {
    await using gateway = await start();
    const all = await everybody();
    await gateway.publish("racks/r", second, all);
    using client = follow(transport, gateway.url, "racks", await firstCrew());
    await client.count(1);
    for (const body of [{ ...second, note: "else" }, null, second]) await gateway.publish("racks/r", body, all);
    await gateway.publish("racks/last", first, all);
    const frames = await client.count(2);
    expect(frames).toMatchObject([
      { type: "snapshot", racks: [] },
      { type: "rack_added", name: "last" },
    ]);
  });
});

describe("Whoever may publish for one crew of a table", () => {
  const rack = async ({ url }: Gateway) => rest(url, "POST publish/racks/r", second, bearer(await everybody()));
  const stillThere = async (gateway: Gateway) => {
    using client = follow("poll", gateway.url, "racks", await everybody());
    expect(await client.count(1)).toMatchObject([{ racks: [{ name: "r", ...second }] }]);
  };

  test("cannot say that a row is another crew's", async () => {
    await using gateway = await start();
    const refused = await rest(gateway.url, "POST publish/racks/r", second, bearer(await firstCrew()));
    expect(refused).toMatchObject({ status: 403, body: { code: "forbidden" } });
  });

  test("may change and delete a row of its own, and do so again under the same key", async () => {
    await using gateway = await start();
    const token = await firstCrew();
    const say = (method: "POST" | "DELETE", key: string = crypto.randomUUID()) =>
      rest(gateway.url, `${method} publish/racks/r`, method === "POST" ? first : undefined, {
        ...bearer(token),
        "idempotency-key": key,
      });
    const answers = [await say("POST", "k"), await say("POST", "k"), await say("POST"), await say("DELETE")];
    answers.push(await say("POST"));
    expect(answers.map(({ status }) => status)).toEqual([201, 200, 201, 200, 201]);
  });

  test.each([
    ["delete", "DELETE", undefined],
    ["take", "POST", first],
  ])("cannot %s a row of another crew", async (_what, method, body) => {
    await using gateway = await start();
    await rack(gateway);
    const refused = await rest(gateway.url, `${method} publish/racks/r`, body, bearer(await firstCrew()));
    expect(refused).toMatchObject({ status: 403, body: { code: "forbidden" } });
    await stillThere(gateway);
  });
});
