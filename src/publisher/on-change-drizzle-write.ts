import { type DrizzleRows, invoke } from "./on-change-drizzle-rows.ts";
import { type Change, changesOf, type Tell } from "./on-change-rule.ts";

/** What refines a query, and gives a query again. */
const refining: ReadonlySet<PropertyKey> = new Set([
  "set",
  "where",
  "orderBy",
  "limit",
  "returning",
  "onConflictDoNothing",
  "onConflictDoUpdate",
  "onDuplicateKeyUpdate",
  "overridingSystemValue",
  "$dynamic",
]);

/** What brings other tables into an update, or rows that nobody has seen into an insert. */
const opaque: ReadonlySet<PropertyKey> = new Set(["from", "leftJoin", "rightJoin", "innerJoin", "fullJoin", "select"]);

const carryingOut: ReadonlySet<PropertyKey> = new Set(["execute", "run", "all", "get", "values"]);
const promising: ReadonlySet<PropertyKey> = new Set(["then", "catch", "finally"]);

const behind = new WeakMap<object, unknown>();

interface Facts<Row extends object> {
  readonly builder: object;
  /** `insert`, `update` or `delete`. */
  readonly name: string;
  readonly rows: DrizzleRows<Row>;
  readonly tell: Tell<Row>;
}

/** One write that is being put together: a query that remembers what it is about. */
export class DrizzleWrite<Row extends object> {
  /** The query as Drizzle gave it. */
  builder: object;
  /** The query as its writer has it. */
  readonly proxy: object;
  readonly #facts: Facts<Row>;
  #inserted: readonly object[] | undefined;
  /** What was said to refine it, by the name of the method. */
  readonly #said = new Map<PropertyKey, readonly unknown[]>();

  constructor(facts: Facts<Row>) {
    this.#facts = facts;
    this.builder = facts.builder;
    // A query changes under its writer's hands: what counts is the one that came last.
    this.proxy = new Proxy(facts.builder, { get: (_, name) => this.#get(name) });
    behind.set(this.proxy, this);
  }

  /** The write behind a query; undefined when it is none that is watched. */
  static behind<Row extends object>(query: unknown): DrizzleWrite<Row> | undefined {
    const found = typeof query === "object" && query !== null ? behind.get(query) : undefined;
    // Whoever asks has the table of this write, and so its rows.
    return found instanceof DrizzleWrite ? found : undefined;
  }

  /** The rows that it is about, as they are before it; undefined when nobody can tell. */
  async before(): Promise<Row[] | undefined> {
    const { name, rows } = this.#facts;
    if ([...opaque].some((word) => this.#said.has(word))) {
      return rows.unknown("a write that selects from elsewhere does not say which rows it changes");
    }
    if (name !== "insert") {
      const [where] = this.#said.get("where") ?? [];
      const orderBy = this.#said.get("orderBy");
      const [limit] = this.#said.get("limit") ?? [];
      return rows.matching({ where, ...(orderBy && { orderBy }), limit });
    }
    if (!this.#isConditional || !this.#inserted?.every((row) => rows.isKnown(row))) return [];
    return (await rows.again(this.#inserted))?.filter((row) => row !== undefined);
  }

  /** What it has changed, when it has been carried out with that result. */
  async changes(before: readonly Row[] | undefined, result: unknown): Promise<Change<Row>[]> {
    const { name, rows } = this.#facts;
    if (before === undefined) return [];
    if (name === "insert") return this.#insertions(before, result);
    const after = await rows.again(before);
    return after ? changesOf(before, after) : [];
  }

  async #insertions(before: readonly Row[], result: unknown): Promise<Change<Row>[]> {
    const { rows } = this.#facts;
    const made = this.#made(result);
    if (made === undefined) {
      rows.unknown("an insert whose keys the database makes has to be `returning()`");
      return [];
    }
    const after = await rows.again(made);
    if (after === undefined) return [];
    const old = new Map(before.map((row) => [rows.keyOf(row), row]));
    return changesOf(
      made.map((row) => old.get(rows.keyOf(row))),
      after,
    );
  }

  /** The keys of what was inserted. */
  #made(result: unknown): readonly object[] | undefined {
    const { rows } = this.#facts;
    const inserted = this.#inserted ?? [];
    if (inserted.every((row) => rows.isKnown(row))) return inserted;
    const returned = (Array.isArray(result) ? result : [result]).filter(
      (row) => typeof row === "object" && row !== null,
    );
    if (this.#said.has("returning") && returned.every((row) => rows.isKnown(row))) return returned;
    if (this.#isConditional || inserted.some((row) => rows.isKnown(row))) return undefined;
    const [only] = returned;
    return rows.numbered(Reflect.get(only ?? {}, "lastInsertRowid"), inserted.length);
  }

  /** Whether it may leave rows as they are, or change rows that are there. */
  get #isConditional(): boolean {
    return [...this.#said.keys()].some((word) => String(word).startsWith("on"));
  }

  #get(name: PropertyKey): unknown {
    const value: unknown = Reflect.get(this.builder, name, this.builder);
    if (typeof value !== "function") return value;
    if (name === "values" && this.#facts.name === "insert" && this.#inserted === undefined) return this.#values;
    if (refining.has(name) || opaque.has(name)) return (...args: readonly unknown[]) => this.#refine(name, args);
    if (carryingOut.has(name)) return (...args: readonly unknown[]) => this.#carryOut(String(name), args);
    if (promising.has(name)) return (...args: readonly unknown[]) => this.#promise(String(name), args);
    return (...args: readonly unknown[]): unknown => Reflect.apply(value, this.builder, args);
  }

  readonly #values = (given: object | readonly object[]): object => {
    const { rows } = this.#facts;
    const inserted = (Array.isArray(given) ? given : [given]).map((row: object) => rows.withKeys(row));
    this.#inserted = inserted;
    this.builder = invoke(this.builder, "values", inserted);
    return this.proxy;
  };

  #refine(name: PropertyKey, args: readonly unknown[]): object {
    this.#said.set(name, args);
    this.builder = invoke(this.builder, String(name), ...args);
    return this.proxy;
  }

  #promise(name: string, args: readonly unknown[]): unknown {
    return invoke(this.#carryOut("execute", []), name, ...args);
  }

  async #carryOut(name: string, args: readonly unknown[]): Promise<unknown> {
    const before = await this.before();
    const result: unknown = await invoke(this.builder, name, ...args);
    this.#facts.tell(await this.changes(before, result));
    return result;
  }
}
