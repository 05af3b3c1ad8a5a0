import { expect, test } from "vitest";
import { bytes } from "../recorder.ts";
import { day, type Place } from "./place.ts";

/** What is the same after a bus was closed and opened again. */
export function secondLife(place: Place): void {
  test("epochs, positions, values and ids are the same after the bus was opened again", async () => {
    const { name, journal } = await place.journal();
    const { name: tableName, table } = await place.table();
    await journal.append(`${name}.a`, bytes("one"), `${name}-1`);
    const { position } = await table.put(`${tableName}.a`, bytes("one"));
    const before = [await journal.bounds(), await table.bounds()];
    await place.reopen();
    const journalAgain = await place.bus.journal({ name, subjects: [`${name}.>`], keepMs: day });
    const tableAgain = await place.bus.table({ name: tableName, subjects: [`${tableName}.>`] });
    expect([await journalAgain.bounds(), await tableAgain.bounds()]).toEqual(before);
    expect((await tableAgain.get(`${tableName}.a`))?.position).toBe(position);
    expect(await journalAgain.append(`${name}.a`, bytes("one"), `${name}-1`)).toEqual({ position: 1, duplicate: true });
    expect((await journalAgain.append(`${name}.a`, bytes("two"))).position).toBe(2);
  });

  test("a closed bus is away and refuses", async () => {
    const { name, table } = await place.table();
    const states: string[] = [];
    place.bus.onState((state) => states.push(state));
    const closed = place.bus;
    await place.reopen();
    expect(states).toEqual(["away"]);
    expect(closed.state).toBe("away");
    await expect(table.put(`${name}.a`, bytes("x"))).rejects.toMatchObject({ code: "bus_away" });
    await expect(closed.table({ name, subjects: [`${name}.>`] })).rejects.toMatchObject({ code: "bus_away" });
  });
}
