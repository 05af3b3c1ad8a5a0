import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Bus, Journal, Table } from "../../src/bus/bus.ts";
import { bytes, Recorder, text } from "./recorder.ts";

/** Somewhere messages are kept. */
export interface Home {
  /** A bus on it that is up; only one at a time. */
  open(): Promise<Bus>;
  end(): Promise<void>;
}

const day = 24 * 60 * 60_000;
const nothing = new Uint8Array(0);
let stores = 0;

function freshName(): string {
  stores += 1;
  return `store${stores}`;
}

/** What every bus does, whatever it keeps its messages in. */
export function busContract(name: string, start: () => Promise<Home>): void {
  describe(`${name} keeps the contract of a bus`, () => {
    const place: Place = new Place(start);
    beforeAll(() => place.open());
    afterAll(() => place.end());
    describe("tables", () => tables(place));
    describe("followers of a table", () => tableFollowers(place));
    describe("journals", () => journals(place));
    describe("followers of a journal", () => journalFollowers(place));
    describe("plain subjects", () => subjects(place));
    describe("subjects that are none", () => hostile(place));
    describe("a second life", () => secondLife(place));
  });
}

class Place {
  readonly #start: () => Promise<Home>;
  #home: Home | undefined;
  #bus: Bus | undefined;

  constructor(start: () => Promise<Home>) {
    this.#start = start;
  }

  get bus(): Bus {
    if (!this.#bus) throw new Error("The bus is not open");
    return this.#bus;
  }

  async open(): Promise<void> {
    this.#home = await this.#start();
    this.#bus = await this.#home.open();
  }

  async reopen(): Promise<void> {
    await this.#bus?.close();
    this.#bus = await this.#home?.open();
  }

  async end(): Promise<void> {
    await this.#bus?.close();
    await this.#home?.end();
  }

  async table(): Promise<{ name: string; table: Table }> {
    const name = freshName();
    return { name, table: await this.bus.table({ name, subjects: [`${name}.>`] }) };
  }

  async journal(): Promise<{ name: string; journal: Journal }> {
    const name = freshName();
    return { name, journal: await this.bus.journal({ name, subjects: [`${name}.>`], keepMs: day }) };
  }
}

function tables(place: Place): void {
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

  test("a subject outside the table is refused", async () => {
    const { table } = await place.table();
    await expect(table.put("elsewhere.a", bytes("one"))).rejects.toMatchObject({ code: "unknown_subject" });
  });
}

function tableFollowers(place: Place): void {
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

function journals(place: Place): void {
  test("events are kept in the order of their positions", async () => {
    const { name, journal } = await place.journal();
    const acks = await Promise.all(Array.from({ length: 100 }, (_, i) => journal.append(`${name}.a`, bytes(`${i}`))));
    const { messages, whole } = await journal.read({ subject: `${name}.a`, after: 0, upTo: 100, limit: 1_000 });
    expect(whole).toBe(true);
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
      const { messages, whole } = await journal.read({ subject, after, upTo, limit });
      return { bodies: messages.map(({ data }) => text(data)).join(" "), whole };
    };
    expect(await read(`${name}.odd`, 2, 8, 10)).toEqual({ bodies: "3 5 7", whole: true });
    expect(await read(`${name}.*`, 7, 100, 10)).toEqual({ bodies: "8 9 10", whole: true });
    expect(await read(`${name}.>`, 0, 10, 4)).toEqual({ bodies: "1 2 3 4", whole: false });
    expect(await read(`${name}.even`, 10, 10, 10)).toEqual({ bodies: "", whole: true });
    expect(await read(`${name}.none`, 0, 10, 10)).toEqual({ bodies: "", whole: true });
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

  test("the bounds of an empty journal are 1 and 0", async () => {
    const { name, journal } = await place.journal();
    expect(await journal.bounds()).toMatchObject({ first: 1, last: 0 });
    await journal.append(`${name}.a`, bytes("one"));
    const { epoch, first, last } = await journal.bounds();
    expect([first, last]).toEqual([1, 1]);
    expect(epoch).toMatch(/^[a-z0-9]{6,32}$/);
  });
}

function journalFollowers(place: Place): void {
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

function subjects(place: Place): void {
  test("what is said is heard by those whose pattern matches", async () => {
    const name = freshName();
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

  test("a request gets its answer", async () => {
    const name = freshName();
    const stop = place.bus.reply(`${name}.*`, async ({ subject, data }) => bytes(`${subject}: ${text(data)}`));
    expect(text(await place.bus.request(`${name}.a`, bytes("hello"), 1_000))).toBe(`${name}.a: hello`);
    stop();
  });

  test("a request that nobody answers fails at once", async () => {
    const name = freshName();
    await expect(place.bus.request(`${name}.a`, nothing, 60_000)).rejects.toMatchObject({ code: "no_responder" });
  });

  test("a request whose answer does not come in time fails", async () => {
    const name = freshName();
    const stop = place.bus.reply(`${name}.a`, () => new Promise(() => {}));
    await expect(place.bus.request(`${name}.a`, nothing, 50)).rejects.toMatchObject({ code: "bus_away" });
    stop();
  });

  test("what an answer throws reaches the asker as a failure", async () => {
    const name = freshName();
    const { Failure } = await import("../../src/protocol/failure.ts");
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

function hostile(place: Place): void {
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

function secondLife(place: Place): void {
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

/** The same numbers, in order and each once. */
function rising(numbers: readonly number[]): number[] {
  return [...new Set(numbers)].toSorted((one, other) => one - other);
}
