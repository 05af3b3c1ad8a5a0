import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Bus, Table } from "../../src/bus/bus.ts";
import { Payloads } from "../../src/mail/payloads.ts";
import { type Envelope, payloadSubject } from "../../src/protocol/letter.ts";
import { buses, type TestBus } from "../support/buses.ts";
import { Correspondent, Listener, plain } from "../support/correspondent.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { Mailbag } from "../support/mailbag.ts";

const limits = { letterRetryMs: 60, letterAttempts: 2, letterKeepMs: 60_000, lettersMax: 40, lettersMaxBytes: 100_000 };

/** On a busy machine. */
const patient = { timeout: 10_000 };

describe.each(buses)("On %s", (_name, open) => {
  let place: TestBus;
  let gateway: Gateway;
  let mail: Correspondent;
  let bag: Mailbag;
  let payloads: Table;

  beforeAll(async () => {
    place = await open();
    gateway = await startGateway({ bus: place.bus, limits });
    mail = new Correspondent(gateway.url);
    bag = await Mailbag.open(place.bus);
    payloads = await tableOf(place.bus);
  });

  afterAll(async () => {
    bag[Symbol.dispose]();
    await gateway.close();
    await place[Symbol.asyncDispose]();
  });

  async function sent(draft: object): Promise<Envelope> {
    const id = await mail.send(draft);
    const isMine = ({ message_id }: Envelope) => message_id === id;
    await bag.until((letters) => letters.some(isMine));
    return bag.letters.find(isMine) ?? expect.fail("it was there");
  }

  function whereIs({ message_id, payload_digest }: Envelope): string {
    return payloadSubject("default", message_id, payload_digest);
  }

  test("a payload is stored once, and no delivery, hold or event of its message writes it again", async () => {
    const letter = await sent({ to: "once", payload: "p".repeat(5_000) });
    const { position } = (await payloads.get(whereIs(letter))) ?? expect.fail("it is stored");
    expect(position).toBe(letter.payload_position);
    using once = new Listener(place.bus, "once", () => "later");
    await once.count(2);
    await bag.until((letters) => letters.some((one) => one.message_id === letter.message_id && one.attempts === 2));
    expect((await payloads.get(whereIs(letter)))?.position).toBe(position);
    expect(JSON.stringify(bag.letters)).not.toContain("pppp");
    expect(once.offers.map(({ payload }) => payload)).toEqual(["p".repeat(5_000), "p".repeat(5_000)]);
  });

  test("a message whose payload is lost fails and says so, on the bus", async () => {
    const letter = await sent({ to: "robbed", payload: 1 });
    await payloads.put(whereIs(letter), new Uint8Array(0));
    await bag.until((letters) => letters.some(({ to, status }) => to === "robbed" && status === "failed"));
    expect(bag.letters.find(({ to }) => to === "robbed")).toMatchObject({ detail: "its payload is lost", attempts: 0 });
    const { status, body } = await mail.get(`messages/${letter.message_id}`);
    expect([status, body.code]).toEqual([404, "message_not_found"]);
  });

  test("and in an inbox, which gives what comes after it", async () => {
    const lost = await sent({ to: "looted", payload: 1 });
    await payloads.put(whereIs(lost), new Uint8Array(0));
    const kept = await sent({ to: "looted", payload: 2 });
    const got = await mail.inbox("looted", "?wait=5");
    expect(got.map(({ message_id, payload }) => [message_id, payload])).toEqual([[kept.message_id, 2]]);
    await bag.until((letters) =>
      letters.some(({ message_id, status }) => message_id === lost.message_id && status === "failed"),
    );
  });

  test("of messages under one key that are sent at the same moment one is sent, whole, and the others are refused", async () => {
    const key = { "Idempotency-Key": "race" };
    const send = (n: number) => mail.post("messages", { ...plain, to: "racer", payload: `payload ${n}` }, key);
    const replies = await Promise.all(Array.from({ length: 6 }, (_, n) => send(n)));
    const winner = replies.findIndex(({ status }) => status === 201);
    expect(replies.map(({ status }) => status).toSorted()).toEqual([201, 409, 409, 409, 409, 409]);
    expect((await mail.inbox("racer", "?wait=5")).map(({ payload }) => payload)).toEqual([`payload ${winner}`]);
    const again = await send(winner);
    expect([again.status, again.body.message_id]).toEqual([200, replies[winner]?.body.message_id]);
    const { message_id } = replies[winner]?.body ?? {};
    const other = new Payloads(place.bus, limits.letterKeepMs);
    await other.open();
    const { payload_digest } = await other.put("default", "scratch", JSON.stringify(`payload ${(winner + 1) % 6}`));
    await expect
      .poll(() => payloads.get(payloadSubject("default", String(message_id), payload_digest)))
      .toBeUndefined();
  });

  test("a payload whose gateway died before it stored the message is in nobody's way", async () => {
    const key = { "Idempotency-Key": "crash" };
    const first = await mail.post("messages", { ...plain, to: "crashed", payload: "one" }, key);
    const [got] = await mail.inbox("crashed", "?wait=5");
    expect(got?.payload).toBe("one");
    await mail.post(`messages/${first.body.message_id}/ack`, { agent: "crashed" });
    const letters = await place.bus.table({ name: "letters", subjects: ["skein.*.letters.*"] });
    // All that is left is a payload without its message.
    await letters.put(`skein.default.letters.${first.body.message_id}`, new Uint8Array(0));
    const again = await mail.post("messages", { ...plain, to: "crashed", payload: "two" }, key);
    expect(again.status).toBe(201);
    expect((await mail.inbox("crashed", "?wait=5")).map(({ payload }) => payload)).toEqual(["two"]);
  });

  test("a receiver with a tenth of the org's unread messages gets no more, others do, until some are read", async () => {
    for (const n of [1, 2, 3, 4]) await sent({ to: "full", payload: n });
    const refused = await mail.post("messages", { ...plain, to: "full", payload: 5 });
    expect([refused.status, refused.body.code]).toEqual([429, "too_many_messages"]);
    expect(refused.body.message).toMatch(/^The receiver has 4 unread messages of 4 bytes/);
    await sent({ to: "empty", payload: 5 });
    using full = new Listener(place.bus, "full", () => ({ ack: true }));
    await full.count(4);
    const status = async () => (await mail.post("messages", { ...plain, to: "full", payload: 6 })).status;
    await expect.poll(status, patient).toBe(201);
  });

  test("the same holds for bytes", async () => {
    await sent({ to: "heavy", payload: "x".repeat(9_000) });
    const refused = await mail.post("messages", { ...plain, to: "heavy", payload: "x".repeat(2_000) });
    expect([refused.status, refused.body.code]).toEqual([429, "too_many_messages"]);
    await sent({ to: "heavy", payload: "x".repeat(500) });
  });

  test("of messages that are over an org keeps as many as it may have unread, the newest, each with its payload", async () => {
    using quick = new Listener(place.bus, "quick", () => ({ ack: true }));
    // A letter counts as over once the stream was told of it.
    const isOver = ({ status, untold }: Envelope) => /acknowledged|failed/.test(status) && untold.length === 0;
    const wave = async (payloads: readonly number[]) => {
      const ids: string[] = [];
      for (const payload of payloads) {
        ids.push(await mail.send({ to: "quick", payload }));
        await bag.until((letters) => letters.every(({ to, status }) => to !== "quick" || status === "acknowledged"));
      }
      await bag.until((letters) => {
        const over = new Set(letters.filter(isOver).map(({ message_id }) => message_id));
        return over.size <= 40 && ids.every((id) => over.has(id));
      });
      return ids;
    };
    const [first = ""] = await wave([1, 2, 3]);
    const last = await wave(Array.from({ length: 40 }, (_, n) => n));
    expect((await mail.get(`messages/${first}`)).status).toBe(404);
    expect((await mail.get(`messages/${last.at(-1)}`)).body.payload).toBe(39);
    expect(bag.letters.filter(isOver)).toHaveLength(40);
    expect(quick.offers.length).toBeGreaterThanOrEqual(43);
  }, 60_000);
});

describe.each(buses)("On %s, messages that are kept for a moment", (_name, open) => {
  test("leave no payload behind", async () => {
    await using place = await open();
    await using gateway = await startGateway({ bus: place.bus, limits: { letterKeepMs: 300 } });
    using bag = await Mailbag.open(place.bus);
    const payloads = await tableOf(place.bus);
    await new Correspondent(gateway.url).send({ to: "nobody", payload: "x" });
    await bag.until((letters) => letters.length === 1);
    const [{ message_id, payload_digest } = expect.fail("it is there")] = bag.letters;
    const subject = payloadSubject("default", message_id, payload_digest);
    expect(await payloads.get(subject)).toBeDefined();
    await bag.until((letters) => letters.length === 0);
    await expect.poll(() => payloads.get(subject), patient).toBeUndefined();
  });
});

function tableOf(bus: Bus): Promise<Table> {
  const keepMs = 2 * limits.letterKeepMs + 3_600_000;
  return bus.table({ name: "payloads", subjects: ["skein.*.payloads.*"], keepMs });
}
