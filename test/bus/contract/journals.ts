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

  test("the newest events that match, oldest first", async () => {
    const { name, journal } = await place.journal();
    for (let i = 1; i <= 5; i += 1) await journal.append(`${name}.rare`, bytes(`${i}`));
    await Promise.all(Array.from({ length: 500 }, (_, i) => journal.append(`${name}.often`, bytes(`${6 + i}`))));
    const recent = async (subject: string, upTo: number, limit: number) =>
      (await journal.recent({ subject, upTo, limit })).map(({ data }) => text(data)).join(" ");
    expect(await recent(`${name}.*`, 505, 3)).toBe("503 504 505");
    expect(await recent(`${name}.rare`, 505, 3)).toBe("3 4 5");
    expect(await recent(`${name}.rare`, 1_000, 50)).toBe("1 2 3 4 5");
    expect(await recent(`${name}.>`, 7, 3)).toBe("5 6 7");
    expect(await recent(`${name}.often`, 5, 3)).toBe("");
    expect(await recent(`${name}.often`, 505, 0)).toBe("");
  });

  test("a reading stops after so many bytes of bodies, with the message that crosses the bound", async () => {
    const { name, journal } = await place.journal();
    for (let i = 1; i <= 6; i += 1) await journal.append(`${name}.a`, bytes(`${i}`.repeat(10)));
    const read = async (most: number, subject = `${name}.a`) => {
      const { messages, more } = await journal.read({ subject, after: 1, upTo: 6, limit: 100, bytes: most });
      return { positions: messages.map(({ position }) => position), more };
    };
    expect(await read(25)).toEqual({ positions: [2, 3, 4], more: true });
    expect(await read(25, `${name}.*`)).toEqual({ positions: [2, 3, 4], more: true });
    expect(await read(1)).toEqual({ positions: [2], more: true });
    expect(await read(1_000)).toEqual({ positions: [2, 3, 4, 5, 6], more: false });
  });

  test("the newest events have at most so many bytes, but for a single one", async () => {
    const { name, journal } = await place.journal();
    for (let i = 1; i <= 6; i += 1) await journal.append(`${name}.a`, bytes(`${i}`.repeat(10)));
    const recent = async (most: number, subject = `${name}.a`) =>
      (await journal.recent({ subject, upTo: 6, limit: 4, bytes: most })).map(({ position }) => position);
    expect(await recent(25)).toEqual([5, 6]);
    expect(await recent(25, `${name}.*`)).toEqual([5, 6]);
    expect(await recent(1)).toEqual([6]);
    expect(await recent(1_000)).toEqual([3, 4, 5, 6]);
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
