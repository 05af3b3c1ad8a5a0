import { expect, test } from "vitest";
import { bytes, text } from "../recorder.ts";
import { nothing, type Place } from "./place.ts";

/** What single rows of a table are to one who may not read all of it. */
export function rows(place: Place): void {
  test("what was put is in the table, and what is in the table can be got", async () => {
    const { name, table } = await place.table();
    const own = place.bus.rows({ name, subjects: [`${name}.own.*`] });
    const ack = await own.put(`${name}.own.a`, bytes("one"));
    expect(await own.get(`${name}.own.a`)).toEqual(await table.get(`${name}.own.a`));
    expect(await own.get(`${name}.own.a`)).toMatchObject({ subject: `${name}.own.a`, position: ack.position });
    await table.put(`${name}.own.a`, bytes("two"));
    expect(text((await own.get(`${name}.own.a`))?.data ?? nothing)).toBe("two");
    await own.put(`${name}.own.a`, nothing);
    expect(await own.get(`${name}.own.a`)).toBeUndefined();
    expect(await own.get(`${name}.own.b`)).toBeUndefined();
    expect(await table.get(`${name}.own.a`)).toBeUndefined();
  });

  test("a put that expects another position than the present one is a conflict", async () => {
    const { name } = await place.table();
    const own = place.bus.rows({ name, subjects: [`${name}.own.*`] });
    const { position } = await own.put(`${name}.own.a`, bytes("one"), { expected: 0 });
    for (const expected of [0, position + 1]) {
      await expect(own.put(`${name}.own.a`, bytes("two"), { expected })).rejects.toMatchObject({ code: "conflict" });
    }
    await own.put(`${name}.own.a`, nothing, { expected: position });
    await own.put(`${name}.own.a`, bytes("again"), { expected: 0 });
    expect(text((await own.get(`${name}.own.a`))?.data ?? nothing)).toBe("again");
  });

  test("of many who create at once exactly one wins", async () => {
    const { name } = await place.table();
    const own = place.bus.rows({ name, subjects: [`${name}.own.*`] });
    const puts = Array.from({ length: 20 }, (_, i) => own.put(`${name}.own.a`, bytes(`${i}`), { expected: 0 }));
    const settled = await Promise.allSettled(puts);
    const winners = settled.flatMap(({ status }, i) => (status === "fulfilled" ? [i] : []));
    expect(winners).toHaveLength(1);
    expect(text((await own.get(`${name}.own.a`))?.data ?? nothing)).toBe(`${winners[0]}`);
  });

  test("one who watches hears every put on a subject that matches, its own ones too, and no more once it has stopped", async () => {
    const { name, table } = await place.table();
    const own = place.bus.rows({ name, subjects: [`${name}.own.*`] });
    await table.put(`${name}.own.before`, bytes("not heard"));
    const heard: string[] = [];
    let wake = () => {};
    const stop = own.watch(`${name}.own.*`, ({ subject, data }) => {
      heard.push(`${subject.split(".").at(-1)} ${text(data)}`);
      wake();
    });
    await place.bus.flush();
    await table.put(`${name}.other.a`, bytes("not heard"));
    await table.put(`${name}.own.a`, bytes("one"));
    await own.put(`${name}.own.b`, bytes("two"));
    await table.put(`${name}.own.a`, nothing);
    while (heard.length < 3) await new Promise<void>((resolve) => (wake = resolve));
    expect(heard).toEqual(["a one", "b two", "a "]);
    stop();
    await table.put(`${name}.own.c`, bytes("three"));
    await place.bus.flush();
    expect(heard).toHaveLength(3);
  });

  test("a table that is not there is not made, and a row of it is away", { timeout: 20_000 }, async () => {
    const name = place.freshName();
    const spec = { name, subjects: [`${name}.own.*`] };
    const own = place.bus.rows(spec);
    await expect(own.get(`${name}.own.a`)).rejects.toMatchObject({ code: "bus_away" });
    await expect(own.put(`${name}.own.a`, bytes("one"))).rejects.toMatchObject({ code: "bus_away" });
    const table = await place.bus.table({ name, subjects: [`${name}.>`] });
    expect(await table.bounds()).toMatchObject({ last: 0 });
    expect((await own.put(`${name}.own.a`, bytes("one"), { expected: 0 })).position).toBe(1);
  });

  test("a subject beside those that it was given is refused", async () => {
    const { name } = await place.table();
    const own = place.bus.rows({ name, subjects: [`${name}.own.*`] });
    const refused = expect.objectContaining({ code: "unknown_subject" });
    await expect(own.put(`${name}.other.a`, bytes("one"))).rejects.toEqual(refused);
    await expect(own.get(`${name}.other.a`)).rejects.toEqual(refused);
    for (const subject of ["", `${name}.own.*`, `${name}.own.a b`, "$JS.API.STREAM.INFO.X"]) {
      await expect(own.put(subject, bytes("one"))).rejects.toMatchObject({ code: "bad_request" });
      await expect(own.get(subject)).rejects.toMatchObject({ code: "bad_request" });
    }
  });
}
