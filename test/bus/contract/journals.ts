import { expect, test } from "vitest";
import { bytes, Recorder, text } from "../recorder.ts";
import type { Place } from "./place.ts";

/** What a journal does. */
export function journals(place: Place): void {
  test("events are kept in the order of their positions", async () => {
    const { name, journal } = await place.journal();
    const acks = await Promise.all(Array.from({ length: 100 }, (_, i) => journal.append(`${name}.a`, bytes(`${i}`))));
    const { messages, lost, more } = await journal.read({ subject: `${name}.a`, after: 0, upTo: 100, limit: 1_000 });
    expect({ lost, more }).toEqual({ lost: false, more: false });
    expect(messages.map(({ position }) => position)).toEqual(acks.map(({ position }) => position));
    expect(messages.map(({ data }) => text(data))).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`));
  });

  test("an event with an id that was stored before is a duplicate", async () => {
    const { name, journal } = await place.journal();
    const first = await journal.append(`${name}.a`, bytes("one"), `${name}-1`);
    const again = await journal.append(`${name}.a`, bytes("one"), `${name}-1`);
    expect(first.duplicate).toBe(false);
    expect(again).toEqual({ position: first.position, duplicate: true });
    expect((await journal.bounds()).last).toBe(first.position);
  });

  test("a range is what matches after one position and up to another", async () => {
    const { name, journal } = await place.journal();
    for (let i = 1; i <= 10; i += 1) await journal.append(`${name}.${i % 2 ? "odd" : "even"}`, bytes(`${i}`));
    const read = async (subject: string, after: number, upTo: number, limit: number) => {
      const { messages, more } = await journal.read({ subject, after, upTo, limit });
      return { bodies: messages.map(({ data }) => text(data)).join(" "), more };
    };
    expect(await read(`${name}.odd`, 2, 8, 10)).toEqual({ bodies: "3 5 7", more: false });
    expect(await read(`${name}.*`, 7, 100, 10)).toEqual({ bodies: "8 9 10", more: false });
    expect(await read(`${name}.>`, 0, 10, 4)).toEqual({ bodies: "1 2 3 4", more: true });
    expect(await read(`${name}.even`, 10, 10, 10)).toEqual({ bodies: "", more: false });
    expect(await read(`${name}.none`, 0, 10, 10)).toEqual({ bodies: "", more: false });
  });

  test("a range longer than one batch is read whole", async () => {
    const { name, journal } = await place.journal();
    await Promise.all(Array.from({ length: 2_500 }, (_, i) => journal.append(`${name}.a`, bytes(`${i}`))));
    const { messages } = await journal.read({ subject: `${name}.a`, after: 0, upTo: 2_500, limit: 2_200 });
    expect(messages.map(({ position }) => position)).toEqual(Array.from({ length: 2_200 }, (_, i) => i + 1));
  });

  test("a reading has as many bytes as are asked for, but a single event that is larger comes alone", async () => {
    const { name, journal } = await place.journal();
    for (const [i, size] of [400, 400, 400, 5_000, 100].entries()) {
      await journal.append(`${name}.${i % 2}`, bytes(String(i).repeat(size)));
    }
    const keys = (found: readonly { readonly data: Uint8Array }[]) => found.map(({ data }) => text(data)[0]).join("");
    const read = async (after: number, maxBytes: number) => {
      const { messages, more } = await journal.read({ subject: `${name}.*`, after, upTo: 5, limit: 10, maxBytes });
      return [keys(messages), more];
    };
    expect(await read(0, 1_000)).toEqual(["01", true]);
    expect(await read(2, 1_000)).toEqual(["2", true]);
    expect(await read(3, 1_000)).toEqual(["3", true]);
    expect(await read(4, 1_000)).toEqual(["4", false]);
    expect(await read(0, 6_300)).toEqual(["01234", false]);
    const recent = async (upTo: number, maxBytes: number) => {
      const { messages, more } = await journal.recent({ subject: `${name}.*`, upTo, limit: 10, maxBytes });
      return [keys(messages), more];
    };
    expect(await recent(3, 1_000)).toEqual(["12", true]);
    expect(await recent(4, 1_000)).toEqual(["3", true]);
    expect(await recent(5, 5_100)).toEqual(["34", true]);
    expect(await recent(5, 10_000)).toEqual(["01234", false]);
  });

  test("large events are read whole, in order and once", async () => {
    const { name, journal } = await place.journal();
    const sizes = [1_000_000, 300_000, 1_000_000, 1_000_000, 10, 700_000, 700_000, 700_000, 20];
    for (const [i, size] of sizes.entries()) await journal.append(`${name}.a`, bytes(String(i).repeat(size)));
    const { messages, more } = await journal.read({ subject: `${name}.a`, after: 0, upTo: sizes.length, limit: 100 });
    expect(messages.map(({ data }) => data.length)).toEqual(sizes);
    expect(messages.map(({ data }) => text(data)[0]).join("")).toBe("012345678");
    expect(more).toBe(false);
  });

  test("the newest events that match, oldest first", async () => {
    const { name, journal } = await place.journal();
    for (let i = 1; i <= 5; i += 1) await journal.append(`${name}.rare`, bytes(`${i}`));
    await Promise.all(Array.from({ length: 500 }, (_, i) => journal.append(`${name}.often`, bytes(`${6 + i}`))));
    const recent = async (subject: string, upTo: number, limit: number) =>
      (await journal.recent({ subject, upTo, limit })).messages.map(({ data }) => text(data)).join(" ");
    expect(await recent(`${name}.*`, 505, 3)).toBe("503 504 505");
    expect(await recent(`${name}.rare`, 505, 3)).toBe("3 4 5");
    expect(await recent(`${name}.rare`, 1_000, 50)).toBe("1 2 3 4 5");
    expect(await recent(`${name}.>`, 7, 3)).toBe("5 6 7");
    expect(await recent(`${name}.often`, 5, 3)).toBe("");
    expect(await recent(`${name}.often`, 505, 0)).toBe("");
  });

  test("the bounds of an empty journal are 1 and 0", async () => {
    const { name, journal } = await place.journal();
    expect(await journal.bounds()).toMatchObject({ first: 1, last: 0 });
    await journal.append(`${name}.a`, bytes("one"));
    const { epoch, first, last } = await journal.bounds();
    expect([first, last]).toEqual([1, 1]);
    expect(epoch).toMatch(/^[a-z0-9]{6,32}$/);
  });
}

/** What one who follows a journal is told. */
export function journalFollowers(place: Place): void {
  test("one who follows reads what is stored from then on", async () => {
    const { name, journal } = await place.journal();
    await journal.append(`${name}.a`, bytes("before"));
    const recorder = new Recorder();
    const stop = journal.follow(recorder);
    await recorder.until(({ levels }) => levels === 1);
    expect(recorder.calls).toEqual([
      { kind: "begin", epoch: (await journal.bounds()).epoch },
      { kind: "level", position: 1 },
    ]);
    await Promise.all(Array.from({ length: 500 }, (_, i) => journal.append(`${name}.${i % 7}`, bytes(`${i}`))));
    await recorder.until(({ messages }) => messages.length === 500);
    expect(recorder.positions).toEqual(Array.from({ length: 500 }, (_, i) => i + 2));
    expect(recorder.calls.at(-1)).toMatchObject({ behind: 0 });
    stop();
  });

  test("a second follower begins where the first one stands", async () => {
    const { name, journal } = await place.journal();
    const [first, second] = [new Recorder(), new Recorder()];
    const stops = [journal.follow(first)];
    await first.until(({ levels }) => levels === 1);
    await journal.append(`${name}.a`, bytes("one"));
    await first.until(({ messages }) => messages.length === 1);
    stops.push(journal.follow(second));
    await second.until(({ levels }) => levels === 1);
    await journal.append(`${name}.a`, bytes("two"));
    await second.until(({ messages }) => messages.length === 1);
    expect(second.calls.map((call) => ("position" in call ? call.position : call.kind))).toEqual([
      "begin",
      1,
      "message",
    ]);
    expect(second.bodies).toEqual(["two"]);
    for (const stop of stops) stop();
  });
}
