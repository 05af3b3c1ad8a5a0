import { expect, test } from "vitest";
import { writesMax } from "../../../src/bus/in-flight.ts";
import { bytes, Recorder, text } from "../recorder.ts";
import { nothing, type Place } from "./place.ts";

/** What a table does. */
export function tables(place: Place): void {
  test("what was put is there, with its position and its time", async () => {
    const { name, table } = await place.table();
    const before = Date.now();
    const ack = await table.put(`${name}.a`, bytes("one"));
    const found = await table.get(`${name}.a`);
    expect(found).toMatchObject({ subject: `${name}.a`, position: ack.position });
    expect(text(found?.data ?? nothing)).toBe("one");
    expect(Math.abs((found?.atMs ?? 0) - before)).toBeLessThan(10_000);
    expect(await table.get(`${name}.b`)).toBeUndefined();
  });

  test("a new value replaces the old one", async () => {
    const { name, table } = await place.table();
    await table.put(`${name}.a`, bytes("one"));
    const second = await table.put(`${name}.a`, bytes("two"));
    expect((await table.get(`${name}.a`))?.position).toBe(second.position);
    expect(await table.bounds()).toMatchObject({ first: second.position, last: second.position });
  });

  test("an empty body deletes", async () => {
    const { name, table } = await place.table();
    await table.put(`${name}.a`, bytes("one"));
    await table.put(`${name}.a`, nothing);
    expect(await table.get(`${name}.a`)).toBeUndefined();
  });

  test("a put that expects another position than the present one is a conflict", async () => {
    const { name, table } = await place.table();
    const { position } = await table.put(`${name}.a`, bytes("one"), { expected: 0 });
    await expect(table.put(`${name}.a`, bytes("two"), { expected: 0 })).rejects.toMatchObject({ code: "conflict" });
    await expect(table.put(`${name}.a`, bytes("two"), { expected: position + 1 })).rejects.toMatchObject({
      code: "conflict",
    });
    await table.put(`${name}.a`, bytes("two"), { expected: position });
    expect(text((await table.get(`${name}.a`))?.data ?? nothing)).toBe("two");
  });

  test("a deleted value may be created again", async () => {
    const { name, table } = await place.table();
    await table.put(`${name}.a`, bytes("one"));
    await table.put(`${name}.a`, nothing);
    await table.put(`${name}.a`, bytes("again"), { expected: 0 });
    expect(text((await table.get(`${name}.a`))?.data ?? nothing)).toBe("again");
  });

  test("of many who create at once exactly one wins", async () => {
    const { name, table } = await place.table();
    const puts = Array.from({ length: 20 }, (_, i) => table.put(`${name}.a`, bytes(`${i}`), { expected: 0 }));
    const settled = await Promise.allSettled(puts);
    const winners = settled.flatMap(({ status }, i) => (status === "fulfilled" ? [i] : []));
    expect(winners).toHaveLength(1);
    expect(text((await table.get(`${name}.a`))?.data ?? nothing)).toBe(`${winners[0]}`);
    for (const put of settled) if (put.status === "rejected") expect(put.reason).toMatchObject({ code: "conflict" });
  });

  test("a put with an id that was stored before is a duplicate", async () => {
    const { name, table } = await place.table();
    const first = await table.put(`${name}.a`, bytes("one"), { id: `${name}-1` });
    await table.put(`${name}.a`, bytes("two"));
    const again = await table.put(`${name}.a`, bytes("one"), { id: `${name}-1` });
    expect(again).toEqual({ position: first.position, duplicate: true });
    expect(text((await table.get(`${name}.a`))?.data ?? nothing)).toBe("two");
  });

  test("the buffer of a put may be used again at once", async () => {
    const { name, table } = await place.table();
    const buffer = bytes("one");
    const put = table.put(`${name}.a`, buffer);
    buffer.fill(0);
    await put;
    expect(text((await table.get(`${name}.a`))?.data ?? nothing)).toBe("one");
  });

  test("a value that is removed leaves no trace, and only the one that was meant goes", async () => {
    const { name, table } = await place.table();
    const first = await table.put(`${name}.a`, bytes("one"));
    const second = await table.put(`${name}.a`, bytes("two"));
    await expect(table.remove(`${name}.a`, first.position)).rejects.toMatchObject({ code: "conflict" });
    await table.remove(`${name}.a`, second.position);
    expect(await table.get(`${name}.a`)).toBeUndefined();
    await expect(table.remove(`${name}.a`, second.position)).rejects.toMatchObject({ code: "conflict" });
    await table.put(`${name}.a`, bytes("again"), { expected: 0 });
    expect(text((await table.get(`${name}.a`))?.data ?? nothing)).toBe("again");
  });

  test("more than may wait for the bus at a time is refused at once, and the rest is stored", async () => {
    const { name, table } = await place.table();
    const body = new Uint8Array(900_000);
    const puts = await Promise.allSettled(Array.from({ length: 50 }, (_, i) => table.put(`${name}.${i}`, body)));
    const refused = puts.flatMap((put) => (put.status === "rejected" ? [put.reason] : []));
    expect(refused).toHaveLength(50 - Math.floor(writesMax.bytes / body.length));
    for (const reason of refused) expect(reason).toMatchObject({ code: "bus_away", retryAfterMs: 1_000 });
    for (const [i, { status }] of puts.entries()) {
      expect((await table.get(`${name}.${i}`)) !== undefined).toBe(status === "fulfilled");
    }
    await table.put(`${name}.later`, body);
  });

  test("a subject outside the table is refused", async () => {
    const { table } = await place.table();
    await expect(table.put("elsewhere.a", bytes("one"))).rejects.toMatchObject({ code: "unknown_subject" });
  });
}

/** What one who follows a table is told. */
export function tableFollowers(place: Place): void {
  test("one who follows an empty table is level at once", async () => {
    const { table } = await place.table();
    const recorder = new Recorder();
    const stop = table.follow(recorder);
    await recorder.until(({ levels }) => levels === 1);
    expect(recorder.calls).toEqual([
      { kind: "begin", epoch: (await table.bounds()).epoch },
      { kind: "level", position: 0 },
    ]);
    stop();
  });

  test("one who follows reads the present values, then the changes", async () => {
    const { name, table } = await place.table();
    for (const key of ["a", "b", "c"]) await table.put(`${name}.${key}`, bytes(key));
    await table.put(`${name}.b`, nothing);
    const recorder = new Recorder();
    const stop = table.follow(recorder);
    await recorder.until(({ levels }) => levels === 1);
    expect(recorder.story).toBe("begin message message level");
    expect(recorder.bodies).toEqual(["a", "c"]);
    await table.put(`${name}.c`, bytes("d"));
    await table.put(`${name}.a`, nothing);
    await recorder.until(({ messages }) => messages.length === 4);
    expect([...recorder.rows]).toEqual([[`${name}.c`, "d"]]);
    stop();
  });

  test("nothing is missing and nothing comes twice while many write", async () => {
    const { name, table } = await place.table();
    const write = (i: number) => table.put(`${name}.${i % 50}`, bytes(`${i}`));
    await Promise.all(Array.from({ length: 200 }, (_, i) => write(i)));
    const writing = Promise.all(Array.from({ length: 1_000 }, (_, i) => write(200 + i)));
    const recorders = Array.from({ length: 3 }, () => new Recorder());
    const stops = recorders.map((recorder) => table.follow(recorder));
    const { position: end } = (await writing).reduce((one, other) => (one.position > other.position ? one : other));
    const stored = new Map<string, string>();
    for (let i = 0; i < 50; i += 1) {
      stored.set(`${name}.${i}`, text((await table.get(`${name}.${i}`))?.data ?? nothing));
    }
    for (const recorder of recorders) {
      await recorder.until(({ positions }) => positions.at(-1) === end);
      expect(recorder.rows).toEqual(stored);
      expect(recorder.positions).toEqual(rising(recorder.positions));
    }
    for (const stop of stops) stop();
  });

  test("the same holds for large values, and for one that is larger than what is asked for at a time", async () => {
    const { name, table } = await place.table();
    const large = (i: number) => bytes(`${i} `.padEnd(20_000, "x"));
    await table.put(`${name}.large`, bytes("large ".padEnd(1_000_000, "x")));
    await table.put(`${name}.larger`, bytes("larger ".padEnd(1_000_000, "x")));
    for (let i = 0; i < 300; i += 1) await table.put(`${name}.${i}`, large(i));
    const writing = (async () => {
      let last = 0;
      for (let i = 0; i < 400; i += 1) {
        const isDeleted = i % 10 === 0;
        last = (await table.put(`${name}.${(i * 7) % 300}`, isDeleted ? nothing : large(1_000 + i))).position;
      }
      return last;
    })();
    const recorders = Array.from({ length: 2 }, () => new Recorder());
    const stops = recorders.map((recorder) => table.follow(recorder));
    const end = await writing;
    const stored = new Map<string, string>();
    for (const key of ["large", "larger", ...Array(300).keys()]) {
      const value = await table.get(`${name}.${key}`);
      if (value) stored.set(`${name}.${key}`, text(value.data));
    }
    for (const recorder of recorders) {
      await recorder.until(({ positions, levels }) => positions.at(-1) === end && levels > 0);
      expect(recorder.rows).toEqual(stored);
      expect(recorder.positions).toEqual(rising(recorder.positions));
    }
    for (const stop of stops) stop();
  });

  test("a second follower gets a beginning of its own", async () => {
    const { name, table } = await place.table();
    await table.put(`${name}.a`, bytes("one"));
    const [first, second] = [new Recorder(), new Recorder()];
    const stops = [table.follow(first)];
    await first.until(({ levels }) => levels === 1);
    await table.put(`${name}.b`, bytes("two"));
    await first.until(({ messages }) => messages.length === 2);
    stops.push(table.follow(second));
    await second.until(({ levels }) => levels === 1);
    expect(second.story).toBe("begin message message level");
    await table.put(`${name}.a`, bytes("three"));
    await second.until(({ messages }) => messages.length === 3);
    await first.until(({ messages }) => messages.length === 3);
    expect(first.levels).toBe(1);
    expect(second.rows).toEqual(first.rows);
    for (const stop of stops) stop();
  });

  test("one who stopped hears nothing more, and may follow again", async () => {
    const { name, table } = await place.table();
    const [first, second] = [new Recorder(), new Recorder()];
    const stop = table.follow(first);
    await first.until(({ levels }) => levels === 1);
    stop();
    stop();
    await table.put(`${name}.a`, bytes("one"));
    const stopSecond = table.follow(second);
    await second.until(({ levels }) => levels === 1);
    expect(second.bodies).toEqual(["one"]);
    expect(first.messages).toEqual([]);
    stopSecond();
  });
}

/** The same numbers, in order and each once. */
function rising(numbers: readonly number[]): number[] {
  return [...new Set(numbers)].toSorted((one, other) => one - other);
}
