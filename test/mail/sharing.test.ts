import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Bus } from "../../src/bus/bus.ts";
import { openNatsBus } from "../../src/bus/nats.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { type Envelope, letterSubject } from "../../src/protocol/letter.ts";
import { buses, isUp, type TestBus } from "../support/buses.ts";
import { Correspondent, Listener } from "../support/correspondent.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { Mailbag } from "../support/mailbag.ts";
import { startNatsServer } from "../support/nats-server.ts";

const hourMs = 60 * 60 * 1000;

describe.each(buses)("On %s", (_name, open) => {
  let place: TestBus;
  let gateways: Gateway[];

  beforeAll(async () => {
    place = await open();
    const limits = { letterRetryMs: 500, letterAttempts: 5 };
    gateways = await Promise.all([1, 2, 3].map(() => startGateway({ bus: place.bus, limits })));
  });

  afterAll(async () => {
    for (const gateway of gateways) await gateway.close();
    await place[Symbol.asyncDispose]();
  });

  test("gateways that share the work never offer a message twice at the same moment", async () => {
    const present = new Set<string>();
    const doubles: string[] = [];
    using busy = new Listener(place.bus, "busy", async ({ message_id, attempts }) => {
      if (present.has(message_id)) doubles.push(message_id);
      present.add(message_id);
      await new Promise((resolve) => setImmediate(resolve));
      present.delete(message_id);
      return attempts < 2 ? "later" : { ack: true };
    });
    const sending = Array.from({ length: 90 }, (_, n) => {
      const gateway = gateways[n % gateways.length];
      return new Correspondent(gateway?.url ?? "").send({ to: "busy", payload: n });
    });
    const ids = await Promise.all(sending);
    await busy.count(180);
    using bag = await Mailbag.open(place.bus);
    await bag.until((letters) => letters.filter(({ status }) => status === "acknowledged").length === ids.length);
    expect(doubles).toEqual([]);
    const offers = busy.offers.map(({ message_id, attempts }) => `${message_id} ${attempts}`);
    expect(offers.toSorted()).toEqual(ids.flatMap((id) => [`${id} 1`, `${id} 2`]).toSorted());
  });

  test("a message whose gateway died before it told of it is told of by another one, and only once", async () => {
    const table = await place.bus.table({ name: "letters", subjects: ["skein.*.letters.*"] });
    const letter = orphan("orphan", Date.now());
    await table.put(letterSubject("default", "orphan"), bytesOf(letter));
    using bag = await Mailbag.open(place.bus);
    await bag.until((letters) => letters.some(({ message_id, untold }) => message_id === "orphan" && !untold.length));
    expect(await toldOf(place.bus, "orphan")).toEqual([["sent", letter.sent_at]]);
  });

  test("an org that guesses what is told of a message cannot keep it from being told", async () => {
    const table = await place.bus.table({ name: "letters", subjects: ["skein.*.letters.*"] });
    const spec = { name: "messages", subjects: ["skein.*.messages.*"], keepMs: 24 * hourMs };
    const subject = letterSubject("default", "guessed");
    const letter = orphan("guessed", Date.now());
    for (const guess of ["", ` ${new Date(Date.now() - 60_000).toISOString()}`]) {
      const body = new TextEncoder().encode("{}");
      await (await place.bus.journal(spec)).append("skein.rival.messages.x", body, `letter ${subject} sent 0${guess}`);
    }
    await table.put(subject, bytesOf(letter));
    using bag = await Mailbag.open(place.bus);
    await bag.until((letters) => letters.some(({ message_id, untold }) => message_id === "guessed" && !untold.length));
    expect(await toldOf(place.bus, "guessed")).toEqual([["sent", letter.sent_at]]);
  });

  test("what happened hours ago is told when nobody has told it, and not again when somebody has", async () => {
    const table = await place.bus.table({ name: "letters", subjects: ["skein.*.letters.*"] });
    const letter = orphan("elder", Date.now() - 2 * hourMs);
    const delivered = { event: "delivered", attempt: 1, at: new Date(Date.now() - hourMs).toISOString() } as const;
    const untold = [...letter.untold, delivered];
    const body = { event: "sent", from: "ann", to: "nobody", message_type: "t", timestamp: letter.sent_at };
    const journal = await place.bus.journal({
      name: "messages",
      subjects: ["skein.*.messages.*"],
      keepMs: 24 * hourMs,
    });
    await journal.append("skein.default.messages.elder", new TextEncoder().encode(JSON.stringify(body)));
    await table.put(letterSubject("default", "elder"), bytesOf({ ...letter, status: "delivered", untold }));
    using bag = await Mailbag.open(place.bus);
    await bag.until((letters) =>
      letters.some(({ message_id, untold: rest }) => message_id === "elder" && !rest.length),
    );
    expect(await toldOf(place.bus, "elder")).toEqual([
      ["sent", letter.sent_at],
      ["delivered", delivered.at],
    ]);
  });

  test("a value of the table that is no letter is left alone", async () => {
    const table = await place.bus.table({ name: "letters", subjects: ["skein.*.letters.*"] });
    await table.put(letterSubject("default", "odd"), new TextEncoder().encode('{"to":"odd","payload":1}'));
    const mail = new Correspondent(gateways[0]?.url ?? "");
    using other = new Listener(place.bus, "other", () => ({ ack: true }));
    await mail.send({ to: "other" });
    await other.count(1);
    expect((await mail.get("messages/odd")).status).toBe(404);
    expect(await mail.inbox("odd")).toEqual([]);
  });
});

describe.each(buses)("On %s, messages that are kept for a moment", (_name, open) => {
  test("fail when they get too old, and are gone a while after they are over", async () => {
    await using place = await open();
    await using gateway = await startGateway({ bus: place.bus, limits: { letterKeepMs: 400 } });
    using bag = await Mailbag.open(place.bus);
    const mail = new Correspondent(gateway.url);
    const id = await mail.send({ to: "nobody" });
    await bag.until((letters) => letters.some(({ status }) => status === "failed"));
    expect(bag.letters[0]?.detail).toBe("too old: nobody has acknowledged it in time");
    await bag.until((letters) => letters.length === 0);
    expect((await mail.get(`messages/${id}`)).status).toBe(404);
    expect((await toldOf(place.bus, id)).map(([event]) => event)).toEqual(["sent", "failed"]);
  });
});

test("Where NATS comes late, messages are refused until it is there, and then delivered; those from before too", async () => {
  const server = await startNatsServer();
  const bus = await openNatsBus({ url: server.url, clock: systemClock });
  await isUp(bus);
  const first = await startGateway({ bus, limits: { letterRetryMs: 200 } });
  const id = await new Correspondent(first.url).send({ to: "early" });
  await first.close();
  await bus.close();
  await server.kill();
  const late = await openNatsBus({ url: server.url, clock: systemClock });
  await using gateway = await startGateway({ bus: late, limits: { letterRetryMs: 200 } });
  const mail = new Correspondent(gateway.url);
  expect((await mail.post("messages", { from: "a", to: "b", message_type: "t", payload: 1 })).body.code).toBe(
    "bus_away",
  );
  expect((await mail.get("inbox/early")).body.code).toBe("bus_away");
  await server.restart();
  await isUp(late);
  using early = new Listener(late, "early", () => ({ ack: true }));
  expect((await early.count(1)).map(({ message_id }) => message_id)).toEqual([id]);
  await gateway.close();
  await late.close();
  await server.stop();
});

/** What the journal says of a message. */
async function toldOf(bus: Bus, id: string): Promise<[event: string, timestamp: string][]> {
  const journal = await bus.journal({ name: "messages", subjects: ["skein.*.messages.*"], keepMs: 24 * hourMs });
  const { last } = await journal.bounds();
  const { messages: told } = await journal.recent({ subject: `skein.default.messages.${id}`, upTo: last, limit: 100 });
  return told.map(({ data }) => {
    const { event, timestamp } = JSON.parse(new TextDecoder().decode(data));
    return [event, timestamp];
  });
}

/** A letter whose gateway died as soon as it was stored, at a time given in milliseconds. */
function orphan(message_id: string, sentMs: number): Envelope {
  const at = new Date(sentMs).toISOString();
  return {
    message_id,
    from: "ann",
    to: "nobody",
    message_type: "t",
    status: "sent",
    attempts: 0,
    detail: null,
    sent_at: at,
    due_ms: Date.now() + hourMs,
    held_ms: 0,
    missed: 0,
    untold: [{ event: "sent", attempt: 0, at }],
    payload_digest: "d",
    payload_bytes: 4,
    payload_position: 1,
  };
}

function bytesOf(letter: Envelope): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(letter));
}
