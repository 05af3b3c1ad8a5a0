import { expect, test } from "vitest";
import { Failure } from "../../../src/protocol/failure.ts";
import { bytes, text } from "../recorder.ts";
import { nothing, type Place } from "./place.ts";

/** What plain subjects do. */
export function subjects(place: Place): void {
  test("what is said is heard by those whose pattern matches", async () => {
    const name = place.freshName();
    const heard: string[] = [];
    const ended = Promise.withResolvers<void>();
    const stops = [`${name}.*.b`, `${name}.>`, `${name}.a`].map((pattern) =>
      place.bus.subscribe(pattern, ({ subject }) => heard.push(`${pattern} ${subject}`)),
    );
    stops.push(place.bus.subscribe(`${name}.end`, () => ended.resolve()));
    for (const tail of ["a.b", "a", "x.c", "end"]) place.bus.publish(`${name}.${tail}`, bytes("hello"));
    await ended.promise;
    for (const stop of stops) stop();
    expect(heard.toSorted()).toEqual(
      ["*.b a.b", "> a", "> a.b", "> end", "> x.c", "a a"]
        .map((pair) => pair.split(" "))
        .map(([pattern, subject]) => `${name}.${pattern} ${name}.${subject}`),
    );
  });

  test("what was published before a flush has been heard, or is under way to be, when it settles", async () => {
    const name = place.freshName();
    const heard: string[] = [];
    const all = Promise.withResolvers<void>();
    const stop = place.bus.subscribe(`${name}.a`, ({ data }) => {
      heard.push(text(data));
      if (heard.length === 1000) all.resolve();
    });
    for (let i = 0; i < 1000; i++) place.bus.publish(`${name}.a`, bytes(String(i)));
    await place.bus.flush();
    await all.promise;
    expect(heard).toEqual(Array.from({ length: 1000 }, (_, i) => String(i)));
    stop();
  });

  test("a request gets its answer", async () => {
    const name = place.freshName();
    const stop = place.bus.reply(`${name}.*`, async ({ subject, data }) => bytes(`${subject}: ${text(data)}`));
    expect(text(await place.bus.request(`${name}.a`, bytes("hello"), 1_000))).toBe(`${name}.a: hello`);
    stop();
  });

  test("a request that nobody answers fails at once", async () => {
    const name = place.freshName();
    await expect(place.bus.request(`${name}.a`, nothing, 60_000)).rejects.toMatchObject({ code: "no_responder" });
  });

  test("a request whose answer does not come in time fails", async () => {
    const name = place.freshName();
    const stop = place.bus.reply(`${name}.a`, () => new Promise(() => {}));
    await expect(place.bus.request(`${name}.a`, nothing, 50)).rejects.toMatchObject({ code: "bus_away" });
    stop();
  });

  test("what an answer throws reaches the asker as a failure", async () => {
    const name = place.freshName();
    const stops = [
      place.bus.reply(`${name}.a`, async () => {
        throw new Failure("not_found", "No such thing");
      }),
      place.bus.reply(`${name}.b`, async () => {
        throw new TypeError("secret");
      }),
    ];
    await expect(place.bus.request(`${name}.a`, nothing, 1_000)).rejects.toMatchObject({
      code: "not_found",
      message: "No such thing",
    });
    const failure = await place.bus.request(`${name}.b`, nothing, 1_000).catch((thrown) => thrown);
    expect(failure).toMatchObject({ code: "internal" });
    expect(failure.message).not.toContain("secret");
    for (const stop of stops) stop();
  });
}

/** What becomes of subjects that are none. */
export function hostile(place: Place): void {
  const subjects = [
    "",
    "a b",
    "a\r\nPUB pwned 2\r\nhi",
    "a\tb",
    "a..b",
    ".a",
    "a.",
    "a.*",
    "a.>",
    "$JS.API.STREAM.DELETE.X",
    `a.${"x".repeat(600)}`,
  ];

  test.each(subjects)("%j cannot be published, asked, put or appended", async (subject) => {
    const refused = expect.objectContaining({ code: "bad_request" });
    const { table } = await place.table();
    const { journal } = await place.journal();
    expect(() => place.bus.publish(subject, nothing)).toThrow(refused);
    await expect(place.bus.request(subject, nothing, 100)).rejects.toEqual(refused);
    await expect(table.put(subject, bytes("x"))).rejects.toEqual(refused);
    await expect(table.get(subject)).rejects.toEqual(refused);
    await expect(journal.append(subject, bytes("x"))).rejects.toEqual(refused);
  });

  const patterns = ["", "a b", "a\r\nSUB > 1", "a.>.b", "a..b", "$SYS.>", "a*"];
  test.each(patterns)("%j cannot be listened to or read", async (pattern) => {
    const refused = expect.objectContaining({ code: "bad_request" });
    const { journal } = await place.journal();
    expect(() => place.bus.subscribe(pattern, () => {})).toThrow(refused);
    expect(() => place.bus.reply(pattern, async () => nothing)).toThrow(refused);
    await expect(journal.read({ subject: pattern, after: 0, upTo: 1, limit: 1 })).rejects.toEqual(refused);
    await expect(journal.recent({ subject: pattern, upTo: 1, limit: 1 })).rejects.toEqual(refused);
  });
}
