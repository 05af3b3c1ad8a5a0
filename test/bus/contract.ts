import { afterAll, beforeAll, describe } from "vitest";
import { journalFollowers, journals } from "./contract/journals.ts";
import { type Home, Place } from "./contract/place.ts";
import { rows } from "./contract/rows.ts";
import { secondLife } from "./contract/second-life.ts";
import { hostile, subjects } from "./contract/subjects.ts";
import { tableFollowers, tables } from "./contract/tables.ts";

/** What every bus does, whatever it keeps its messages in. */
export function busContract(name: string, start: () => Promise<Home>): void {
  describe(`${name} keeps the contract of a bus`, () => {
    const place: Place = new Place(start);
    beforeAll(() => place.open());
    afterAll(() => place.end());
    describe("tables", () => tables(place));
    describe("followers of a table", () => tableFollowers(place));
    describe("single rows of a table", () => rows(place));
    describe("journals", () => journals(place));
    describe("followers of a journal", () => journalFollowers(place));
    describe("plain subjects", () => subjects(place));
    describe("subjects that are none", () => hostile(place));
    describe("a second life", () => secondLife(place));
  });
}
