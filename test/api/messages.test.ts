import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buses, type TestBus } from "../support/buses.ts";
import { follow } from "../support/client.ts";
import { Correspondent, Listener, plain } from "../support/correspondent.ts";
import { type Gateway, protocolLimits, startGateway } from "../support/gateway.ts";
import { Mailbag } from "../support/mailbag.ts";

const most = protocolLimits.maxPayloadBytes;

/** A body that is not read to its end costs the connection. */
const hangUp = { Connection: "close" };

describe.each(buses)("On %s", (_name, open) => {
  let place: TestBus;
  let gateway: Gateway;
  let mail: Correspondent;

  beforeAll(async () => {
    place = await open();
    gateway = await startGateway({ bus: place.bus });
    mail = new Correspondent(gateway.url);
  });

  afterAll(async () => {
    await gateway.close();
    await place[Symbol.asyncDispose]();
  });

  test("sending answers 201 with what anybody may know, and where the message is", async () => {
    const body = JSON.stringify({ ...plain, correlation_id: "c", payload: { secret: 1 } });
    const response = await fetch(`${gateway.url}/api/messages`, { method: "POST", body });
    expect(response.status).toBe(201);
    const metadata = (await response.json()) as { message_id: string };
    expect(metadata).toEqual({
      message_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      ...plain,
      correlation_id: "c",
      status: "sent",
      attempts: 0,
      detail: null,
      sent_at: expect.stringMatching(/Z$/),
    });
    const shown = await fetch(`${gateway.url}${response.headers.get("location")}`);
    expect(await shown.json()).toMatchObject({ message_id: metadata.message_id, payload: { secret: 1 } });
    expect(shown.headers.get("cache-control")).toBe("no-store");
  });

  test("an Idempotency-Key makes a repetition the same message, and is the sender's own", async () => {
    const headers = { "Idempotency-Key": "once" };
    const draft = { ...plain, to: "keyed", payload: { a: [1, 2] } };
    const first = await mail.post("messages", draft, headers);
    const second = await mail.post("messages", draft, headers);
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.body.message_id).toBe(first.body.message_id);
    const other = await mail.post("messages", { ...draft, payload: "other" }, headers);
    expect([other.status, other.body.code]).toEqual([409, "conflict"]);
    const foreign = await mail.post("messages", { ...draft, from: "zoe" }, headers);
    expect(foreign.status).toBe(201);
    expect(foreign.body.message_id).not.toBe(first.body.message_id);
  });

  test("an inbox gives the oldest messages first, each once, and no more than asked for", async () => {
    using bag = await Mailbag.open(place.bus);
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.push(await mail.send({ to: "patient", payload: n }));
    await bag.until((letters) => letters.filter(({ to, missed }) => to === "patient" && missed > 0).length === 5);
    const [first, second] = [await mail.inbox("patient", "?limit=2"), await mail.inbox("patient", "?limit=10")];
    expect([...first, ...second].map(({ message_id }) => message_id)).toEqual(ids);
    expect(first).toHaveLength(2);
    expect(await mail.inbox("patient")).toEqual([]);
  });

  test("two who wait at one inbox never get the same message", async () => {
    const waiting = [mail.inbox("twins", "?wait=20"), mail.inbox("twins", "?wait=1")];
    const id = await mail.send({ to: "twins" });
    const won = await Promise.any(waiting.map(async (one) => ((await one).length > 0 ? one : Promise.reject())));
    expect(won.map(({ message_id }) => message_id)).toEqual([id]);
    await mail.send({ to: "twins" });
    expect((await Promise.all(waiting)).flat().filter(({ message_id }) => message_id === id)).toHaveLength(1);
  });

  test("only its receiver may say what became of a message, and only once", async () => {
    using bag = await Mailbag.open(place.bus);
    const id = await mail.send({ to: "owner" });
    for (const verb of ["ack", "fail"]) {
      const { status, body } = await mail.post(`messages/${id}/${verb}`, { agent: "stranger" });
      expect([status, body.code]).toEqual([403, "forbidden"]);
      expect(body.message).toBe(`Message '${id}' is not for "stranger"`);
    }
    const status = () => bag.letters.find(({ message_id }) => message_id === id)?.status;
    expect(status()).toBe("sent");
    expect((await mail.post(`messages/${id}/ack`, { agent: "owner", detail: "ok" })).status).toBe(200);
    for (const verb of ["ack", "fail"]) {
      const { status, body } = await mail.post(`messages/${id}/${verb}`, { agent: "owner" });
      expect([status, body.code]).toEqual([409, "conflict"]);
      expect(body.message).toBe(`Message '${id}' is acknowledged already`);
    }
    const failed = await mail.send({ to: "owner" });
    expect((await mail.post(`messages/${failed}/fail`, { agent: "owner" })).body.status).toBe("failed");
    const late = await mail.post(`messages/${failed}/ack`, { agent: "owner" });
    expect([late.status, late.body.message]).toEqual([409, `Message '${failed}' has failed already`]);
  });

  test("a payload of maxPayloadBytes passes with the longest envelope there is, and one byte more does not", async () => {
    using sink = new Listener(place.bus, "\u0001".repeat(128), () => ({ ack: true, detail: "\u0001".repeat(2000) }));
    const odd = "\u0001".repeat(128);
    const draft = { from: odd, to: odd, message_type: odd, correlation_id: odd + odd };
    using client = follow("ws", gateway.url, `messages?recent=0&instance=${encodeURIComponent(odd)}`);
    await client.count(1);
    await mail.send({ ...draft, payload: "x".repeat(most - 2) });
    await sink.count(1);
    await client.until((frames) => frames.some(({ event }) => event === "acknowledged"));
    const { status, body } = await mail.post("messages", { ...draft, payload: "x".repeat(most - 1) });
    expect([status, body.code]).toEqual([413, "body_too_large"]);
    expect(body.message).toBe(`"payload" has ${most + 1} bytes as JSON, more than ${most}`);
    const huge = await mail.post("messages", { ...plain, payload: "x".repeat(most + 20_000) }, hangUp);
    expect([huge.status, huge.body.code]).toEqual([413, "body_too_large"]);
  });

  const text = (field: string, longest: number) => `"${field}": must be a text of 1 to ${longest} bytes`;
  test.each([
    ["no JSON", "{", "The body must be JSON in UTF-8"],
    ["no object", [], "The body must be a JSON object"],
    ["no sender", { ...plain, from: undefined, payload: 1 }, text("from", 128)],
    ["no receiver", { ...plain, to: "", payload: 1 }, text("to", 128)],
    ["a receiver that is too long", { ...plain, to: "é".repeat(65), payload: 1 }, text("to", 128)],
    ["no type", { ...plain, message_type: 7, payload: 1 }, text("message_type", 128)],
    ["an odd correlation", { ...plain, correlation_id: null, payload: 1 }, text("correlation_id", 256)],
    ["no payload", plain, '"payload": must be there; any JSON will do'],
    ["a field too much", { ...plain, payload: 1, priority: 1 }, '"priority" is not known here'],
  ])("a message with %s is refused, and nothing is stored", async (_what, sent, message) => {
    using bag = await Mailbag.open(place.bus);
    const id = await mail.send({ to: "before" });
    const count = () => bag.letters.length;
    await bag.until((letters) => letters.some(({ message_id }) => message_id === id));
    const before = count();
    const { status, body } = await mail.post("messages", sent);
    expect([status, body]).toEqual([400, { type: "error", code: "invalid_body", message }]);
    expect(count()).toBe(before);
  });

  test.each([
    ["no agent", {}, text("agent", 128)],
    ["a long detail", { agent: "bob", detail: "x".repeat(1025) }, '"detail": must be a text of 0 to 1024 bytes'],
    ["a field too much", { agent: "bob", why: "x" }, '"why" is not known here'],
    ["no JSON", "ack", "The body must be JSON in UTF-8"],
  ])("a word with %s is refused, and nothing is changed", async (_what, said, message) => {
    const id = await mail.send({ to: "worded" });
    for (const verb of ["ack", "fail"]) {
      const { status, body } = await mail.post(`messages/${id}/${verb}`, said);
      expect([status, body]).toEqual([400, { type: "error", code: "invalid_body", message }]);
    }
    expect((await mail.get(`messages/${id}`)).body.status).toBe("sent");
  });

  test("a message that is not there is named", async () => {
    const word = { agent: "bob" };
    for (const { status, body } of [
      await mail.get("messages/nobody"),
      await mail.post("messages/nobody/ack", word),
      await mail.post("messages/nobody/fail", word),
    ]) {
      expect([status, body.code]).toEqual([404, "message_not_found"]);
      expect(body.message).toBe("No message 'nobody', or it is too old");
    }
  });

  test.each([
    ["?wait=26", "bad_query", '"wait"'],
    ["?wait=-1", "bad_query", '"wait"'],
    ["?wait=1&wait=2", "bad_query", '"wait"'],
    ["?limit=0", "bad_query", '"limit"'],
    ["?limit=101", "bad_query", '"limit"'],
    ["?most=1", "bad_query", '"most"'],
  ])("an inbox asked with %s says what is wrong", async (query, code, field) => {
    const { status, body } = await mail.get(`inbox/bob${query}`);
    expect([status, body.code]).toEqual([400, code]);
    expect(body.message).toContain(field);
  });

  test("a page of another origin can neither send, nor say anything of a message, nor look into an inbox", async () => {
    const id = await mail.send({ to: "guarded" });
    const origin = { Origin: "http://evil.example" };
    for (const { status, body } of [
      await mail.post("messages", { ...plain, payload: 1 }, origin),
      await mail.post(`messages/${id}/ack`, { agent: "guarded" }, origin),
      await mail.post(`messages/${id}/fail`, { agent: "guarded" }, origin),
      await mail.get("inbox/guarded", origin),
      await mail.get("inbox/guarded", { "Sec-Fetch-Site": "same-site" }),
    ]) {
      expect([status, body.code]).toEqual([403, "forbidden_origin"]);
    }
    expect((await mail.get(`messages/${id}`)).body).toMatchObject({ status: "sent", attempts: 0 });
  });
});
