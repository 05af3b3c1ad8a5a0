import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Bus } from "../../src/bus/bus.ts";
import { openNatsBus } from "../../src/bus/nats.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { isUp } from "../support/buses.ts";
import { follow, transports } from "../support/client.ts";
import { Correspondent, Listener, plain } from "../support/correspondent.ts";
import { type NatsServer, startNatsServer } from "../support/nats-server.ts";
import { makeFolder, type Started, startSkein } from "../support/process.ts";

const secret = "canary-5d1c7e0b";

const env = { SKEIN_LETTER_RETRY_MS: "300ms", SKEIN_LETTER_ATTEMPTS: "2", SKEIN_MAX_PAYLOAD_BYTES: "2000" };

/** Bodies of `POST /api/messages` that are refused, each with the secret in it. */
const refused: readonly (readonly [what: string, body: string])[] = [
  ["no JSON", `{"from":"ann","to":"bob","message_type":"t","payload":"${secret}`],
  ["a bare word", secret],
  ["broken UTF-8 would be", `\u0000${secret}`],
  ["no object", JSON.stringify([secret])],
  ["a payload that is missing its name", JSON.stringify({ ...plain, load: secret })],
  ["a payload where the type should be", JSON.stringify({ ...plain, message_type: { secret }, payload: secret })],
  [
    "a payload where the correlation should be",
    JSON.stringify({ ...plain, correlation_id: [secret], payload: secret }),
  ],
  ["a payload too large", JSON.stringify({ ...plain, payload: secret.repeat(200) })],
  ["a body too large", JSON.stringify({ ...plain, payload: secret.repeat(10_000) })],
];

/** Bodies of `POST /api/publish/messages/…`, where a payload does not belong. */
const astray = [
  { event: "sent", ...plain, payload: { secret } },
  { event: "sent", ...plain, from: undefined, payload: { secret } },
  { event: { secret }, ...plain },
];

describe("A payload stays between sender and receiver", () => {
  let server: NatsServer;
  let bus: Bus;

  beforeAll(async () => {
    server = await startNatsServer();
    bus = await openNatsBus({ url: server.url, clock: systemClock });
    await isUp(bus);
  });

  afterAll(async () => {
    await bus.close();
    await server.stop();
  });

  /** Sends messages of every kind; whatever is seen of them must not show the secret. Gives all that was seen. */
  async function plant(gateway: Started): Promise<string[]> {
    const mail = new Correspondent(gateway.url);
    const clients = transports.flatMap((transport) =>
      ["messages", "instances"].map((stream) => follow(transport, gateway.url, stream)),
    );
    await Promise.all(clients.map((client) => client.count(1)));
    const seen: string[] = [];
    const payload = { secret, deep: [{ [secret]: secret }] };
    const { text, body } = await mail.post("messages", { ...plain, to: "inbox", payload }, { "Idempotency-Key": "k" });
    seen.push(text);
    seen.push(
      (await mail.post("messages", { ...plain, to: "inbox", payload: secret }, { "Idempotency-Key": "k" })).text,
    );
    seen.push((await mail.post("messages", { ...plain, to: "gone", payload: secret })).text);
    const [letter] = await mail.inbox("inbox", "?wait=20");
    expect(letter?.payload).toEqual(payload);
    expect((await mail.get(`messages/${body.message_id}`)).text).toContain(secret);
    for (const verb of ["ack", "ack", "fail"]) {
      seen.push((await mail.post(`messages/${body.message_id}/${verb}`, { agent: "inbox" })).text);
    }
    for (const [, wrong] of refused) seen.push((await mail.post("messages", wrong, { Connection: "close" })).text);
    seen.push((await mail.post(`messages/${body.message_id}/ack`, { agent: "inbox", payload: secret })).text);
    for (const said of astray) seen.push((await mail.post(`publish/messages/${crypto.randomUUID()}`, said)).text);
    seen.push((await mail.post("publish/letters/x", { payload: secret })).text);
    const last = await mail.send({ to: "inbox", message_type: "last", payload: secret });
    await Promise.all(
      clients.map(
        (client, i) => i % 2 || client.until((frames) => frames.some(({ message_id }) => message_id === last)),
      ),
    );
    seen.push(await (await fetch(`${gateway.url}/metrics`)).text());
    for (const client of clients) {
      seen.push(...client.raw);
      client.close();
    }
    gateway.run.signal("SIGTERM");
    await gateway.run.exit;
    return [...seen, gateway.run.stdout, gateway.run.stderr];
  }

  test("on the embedded bus: no frame, no answer, no metric and no line of the process shows it", async () => {
    using folder = makeFolder();
    await using gateway = await startSkein(["--data", folder.path, "--drain", "0"], { env });
    const seen = await plant(gateway);
    expect(seen.length).toBeGreaterThan(30);
    expect(seen.filter((text) => text.includes(secret))).toEqual([]);
  });

  test("on NATS: neither does what is said on the bus, but for the inbox and the table of payloads", async () => {
    const heard: string[] = [];
    const stop = bus.subscribe("skein.>", ({ subject, data }) => {
      heard.push(`${subject} ${new TextDecoder().decode(data)}`);
    });
    await using gateway = await startSkein(["--nats", server.url, "--drain", "0"], { env });
    using eve = new Listener(bus, "gone", () => secret);
    const journal = await bus.journal({ name: "messages", subjects: ["skein.*.messages.*"], keepMs: 86_400_000 });
    await journal.append("skein.default.messages.m1", new TextEncoder().encode(`{"payload":"${secret}"}`));
    await journal.append("skein.default.messages.m2", new TextEncoder().encode(`{"payload":"${secret}`));
    const seen = await plant(gateway);
    await eve.count(1);
    await bus.flush();
    stop();
    expect(seen.filter((text) => text.includes(secret))).toEqual([]);
    const ours = heard.filter(
      (text) => !/^skein\.default\.(payloads|inbox)\.|^skein\.default\.messages\.m[12] /.test(text),
    );
    expect(ours.some((text) => text.startsWith("skein.default.rejected.messages.m2"))).toBe(true);
    const leaks = ours.filter((text) => text.includes(secret));
    // What is published past the post office is the publisher's own doing, and no frame shows it.
    expect(leaks.filter((text) => !text.includes('"event":"sent","from":"ann"'))).toEqual([]);
  });
});
