import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buses, type TestBus } from "../support/buses.ts";
import { follow, type Seen, transports } from "../support/client.ts";
import { Correspondent, Listener } from "../support/correspondent.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { Mailbag } from "../support/mailbag.ts";

const limits = { letterRetryMs: 60, letterAttempts: 3 };

describe.each(buses)("On %s", (_name, open) => {
  let place: TestBus;
  let gateway: Gateway;
  let mail: Correspondent;

  beforeAll(async () => {
    place = await open();
    gateway = await startGateway({ bus: place.bus, limits });
    mail = new Correspondent(gateway.url);
  });

  afterAll(async () => {
    await gateway.close();
    await place[Symbol.asyncDispose]();
  });

  /** What happened to a message, once the last of it is told. */
  async function lifeOf(id: string, last: string): Promise<Seen[]> {
    using client = follow("ws", gateway.url, "messages?recent=500");
    const all = (frames: Seen[]) => frames.flatMap((frame) => (frame.recent_events as Seen[]) ?? [frame]);
    const own = (frames: Seen[]) => all(frames).filter(({ message_id }) => message_id === id);
    return own(await client.until((frames) => own(frames).some(({ event }) => event === last)));
  }

  test("a message is sent, delivered and acknowledged, and every step is on the stream over all transports", async () => {
    using bob = new Listener(place.bus, "bob", () => ({ ack: true, detail: "on it" }));
    const clients = transports.map((transport) => follow(transport, gateway.url, "messages?recent=0"));
    await Promise.all(clients.map((client) => client.count(1)));
    const id = await mail.send({ correlation_id: "c1", payload: { task: [1, "zwei", null] } });
    for (const client of clients) {
      const [, ...events] = await client.count(4);
      expect(events.map(({ event, detail }) => [event, detail])).toEqual([
        ["sent", null],
        ["delivered", null],
        ["acknowledged", "on it"],
      ]);
      const metadata = { message_id: id, from: "ann", to: "bob", message_type: "task.handoff", correlation_id: "c1" };
      for (const event of events) expect(event).toMatchObject({ type: "message_event", ...metadata });
      client.close();
    }
    expect(bob.offers).toMatchObject([{ message_id: id, attempts: 1, payload: { task: [1, "zwei", null] } }]);
    const { body } = await mail.get(`messages/${id}`);
    expect(body).toMatchObject({ status: "acknowledged", detail: "on it", payload: { task: [1, "zwei", null] } });
  });

  test("a payload arrives as it was sent, each digit of its numbers included", async () => {
    using digits = new Listener(place.bus, "digits", () => ({ ack: true }));
    const payload = '{"id":12345678901234567890,"s":",\\"payload\\":","x":1e400}';
    const body = `{"from":"ann","to":"digits","message_type":",\\"payload\\":","payload":${payload}}`;
    const { status, body: sent } = await mail.post("messages", body);
    expect(status).toBe(201);
    await digits.count(1);
    expect(digits.texts[0]?.endsWith(`,"payload":${payload}}`)).toBe(true);
    expect((await mail.get(`messages/${sent.message_id}`)).text.endsWith(`,"payload":${payload}}`)).toBe(true);
  });

  test("an answer that acknowledges nothing is a delivery, and the receiver may acknowledge later over HTTP", async () => {
    using slow = new Listener(place.bus, "slow", () => "thank you");
    const id = await mail.send({ to: "slow" });
    await slow.count(1);
    await lifeOf(id, "delivered");
    const { status, body } = await mail.post(`messages/${id}/ack`, { agent: "slow", detail: "done" });
    expect([status, body.status, body.detail]).toEqual([200, "acknowledged", "done"]);
    expect((await lifeOf(id, "acknowledged")).at(-1)).toMatchObject({ event: "acknowledged", detail: "done" });
  });

  test("an answer that refuses a message fails it, and it is not offered again", async () => {
    using picky = new Listener(place.bus, "picky", () => ({ fail: "not my work" }));
    const id = await mail.send({ to: "picky" });
    const events = await lifeOf(id, "failed");
    expect(events.map(({ event, detail }) => [event, detail])).toEqual([
      ["sent", null],
      ["delivered", null],
      ["failed", "not my work"],
    ]);
    expect(picky.offers).toHaveLength(1);
  });

  test("a message that is not acknowledged is offered again, and fails after so many deliveries", async () => {
    using deaf = new Listener(place.bus, "deaf", () => ({}));
    const id = await mail.send({ to: "deaf" });
    const events = await lifeOf(id, "failed");
    expect(events.map(({ event, detail }) => [event, detail])).toEqual([
      ["sent", null],
      ["delivered", null],
      ["delivered", "delivery 2"],
      ["delivered", "delivery 3"],
      ["failed", "not acknowledged after 3 deliveries"],
    ]);
    expect(deaf.offers.map(({ attempts }) => attempts)).toEqual([1, 2, 3]);
  });

  test("an agent that is not there spends no attempt, and gets its messages when it comes", async () => {
    using bag = await Mailbag.open(place.bus);
    const id = await mail.send({ to: "late" });
    const isMine = ({ message_id }: { message_id: string }) => message_id === id;
    await bag.until((letters) => (letters.find(isMine)?.missed ?? 0) > limits.letterAttempts);
    expect(bag.letters.find(isMine)).toMatchObject({ status: "sent", attempts: 0 });
    using late = new Listener(place.bus, "late", () => ({ ack: true }));
    await late.count(1);
    expect((await lifeOf(id, "acknowledged")).map(({ event }) => event)).toEqual(["sent", "delivered", "acknowledged"]);
  });

  test("an inbox that waits gets a message as soon as it is sent, and again until it is acknowledged", async () => {
    const waiting = mail.inbox("polly", "?wait=25");
    const id = await mail.send({ to: "polly", payload: "crackers" });
    expect(await waiting).toMatchObject([{ message_id: id, status: "delivered", attempts: 1, payload: "crackers" }]);
    expect(await mail.inbox("polly", "?wait=25")).toMatchObject([{ message_id: id, attempts: 2 }]);
    expect((await mail.post(`messages/${id}/ack`, { agent: "polly" })).status).toBe(200);
    expect(await mail.inbox("polly", "?wait=0.2")).toEqual([]);
    const events = await lifeOf(id, "acknowledged");
    expect(events.map(({ event }) => event)).toEqual(["sent", "delivered", "delivered", "acknowledged"]);
  });

  test("the stream shows only what an instance or a correlation has to do with", async () => {
    using anns = follow("ws", gateway.url, "messages?recent=0&instance=carl");
    using tied = follow("ws", gateway.url, "messages?recent=0&correlation_id=knot");
    await Promise.all([anns.count(1), tied.count(1)]);
    await mail.send({ to: "x" });
    const one = await mail.send({ from: "carl", to: "x" });
    const other = await mail.send({ to: "carl", correlation_id: "knot" });
    const idsIn = (frames: Seen[]) => frames.slice(1).map(({ message_id }) => message_id);
    expect(idsIn(await anns.count(3))).toEqual([one, other]);
    expect(idsIn(await tied.count(2))).toEqual([other]);
  });
});
