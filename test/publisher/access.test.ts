import { expect, test } from "vitest";
import { openNatsBus } from "../../src/bus/nats.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { connect } from "../../src/publisher/index.ts";
import { isUp } from "../support/buses.ts";
import { Correspondent } from "../support/correspondent.ts";
import { startGateway } from "../support/gateway.ts";
import { startLockedNats } from "../support/locked-nats.ts";
import { startNatsServer } from "../support/nats-server.ts";
import { enforced, token } from "../support/tokens.ts";
import { Collector, dropBox } from "./collector.ts";

test("a token decides where everything goes, and without one nothing goes anywhere", async () => {
  await using gateway = await startGateway({ auth: enforced });
  using runs = await Collector.follow(gateway.bus, "runs");
  const { drops, onDrop } = dropBox();
  const options = { http: gateway.url, onExit: "nothing", onDrop } as const;
  await using skein = await connect({ ...options, token: await token({ org: "acme" }) });
  await skein.run("r1").boot();
  expect(runs.events[0]?.subject).toBe("skein.acme.runs.r1");
  await using nobody = await connect(options);
  await expect(nobody.run("r1").boot()).rejects.toMatchObject({ code: "token_required" });
  await using reader = await connect({ ...options, token: await token({ roles: ["viewer"] }) });
  await expect(reader.run("r1").boot()).rejects.toMatchObject({ code: "forbidden" });
  await using fenced = await connect({ ...options, token: await token({ crews: ["c1"] }) });
  await fenced.crew("c1").signal("busy");
  await expect(fenced.crew("c2").signal("busy")).rejects.toMatchObject({ code: "forbidden" });
  expect(drops.length).toBe(3);
});

test("a token that has expired is asked for again", async () => {
  await using gateway = await startGateway({ auth: enforced });
  const now = Date.now() / 1000;
  const tokens = [token({ exp: now - 60, iat: now - 120 }), token()];
  let asked = 0;
  await using skein = await connect({
    http: gateway.url,
    onExit: "nothing",
    token: async () => (await tokens[asked++]) ?? "none",
  });
  await skein.run("r1").boot();
  await skein.run("r1").done();
  expect(asked).toBe(2);
});

test("on NATS with permissions a publisher needs no right but to publish, and what it may not is told", async () => {
  await using locked = await startLockedNats();
  const bus = await openNatsBus(locked.optionsOf("gateway"));
  await isUp(bus);
  using runs = await Collector.follow(bus, "runs");
  const { url, certificates, inboxPrefix } = locked.optionsOf("acme-publisher");
  const where = {
    nats: url,
    onExit: "nothing",
    certificates: certificates ?? {},
    inboxPrefix: inboxPrefix ?? "",
  } as const;
  const { drops, onDrop } = dropBox();
  await using skein = await connect({ ...where, org: "acme", onDrop });
  await skein.run("r1").boot();
  await runs.until(({ length }) => length === 1);
  expect(runs.events[0]?.subject).toBe("skein.acme.runs.r1");
  await using stranger = await connect({ ...where, org: "other", onDrop });
  await expect(stranger.run("r1").boot()).rejects.toMatchObject({ code: "forbidden" });
  expect(drops.map(({ failure }) => failure.message)).toEqual([expect.stringMatching(/publish "skein.other.runs.r1"/)]);
  await bus.close();
});

test("a message goes to another agent through a gateway, and over NATS alone it is refused with the reason", async () => {
  const server = await startNatsServer();
  const bus = await openNatsBus({ url: server.url, clock: systemClock });
  await isUp(bus);
  const gateway = await startGateway({ bus });
  const message = {
    from: "ann",
    to: "bob",
    message_type: "task.handoff",
    correlation_id: "c",
    payload: { n: [1, null] },
  };
  const both = await connect({ nats: server.url, http: gateway.url, onExit: "nothing" });
  const sent = await both.message.send(message);
  expect(sent).toMatchObject({ from: "ann", to: "bob", status: "sent", correlation_id: "c" });
  const [received] = await new Correspondent(gateway.url).inbox("bob", "?wait=10");
  expect(received).toMatchObject({ message_id: sent.message_id, payload: { n: [1, null] } });
  const alone = await connect({ nats: server.url, onExit: "nothing", ...dropBox() });
  await expect(alone.message.send(message)).rejects.toThrow(
    "only a gateway may write them down. Connect with http, too",
  );
  await expect(both.message.send({ ...message, to: "" })).rejects.toThrow('"to": must not be empty');
  for (const one of [both, alone]) await one.close();
  await gateway.close();
  await bus.close();
  await server.stop();
});

test("what cannot be used is said at once, without the secret that is in it", async () => {
  await expect(connect({} as never)).rejects.toThrow("Say where to: connect({ nats");
  await expect(connect({ nats: "http://u:hunter2@x" })).rejects.toThrow("A NATS URL looks like nats://host:4222");
  await expect(connect({ http: "u:hunter2@x" })).rejects.toThrow("looks like http://host:7420");
  await expect(connect({ http: "http://x", org: "acme" } as never)).rejects.toThrow("leave org out");
  await expect(connect({ http: "http://x", bufferMessages: 0 })).rejects.toThrow("bufferMessages must be 1 or more");
  await expect(connect({ nats: "nats://x", creds: "hunter2" })).rejects.toThrow("these have not both");
});
