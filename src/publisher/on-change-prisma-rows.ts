import { type ChangeRule, reporter, tried } from "./on-change-rule.ts";

/** Which rows are read, and how they are told apart. */
export interface PrismaRowsRule<Row extends object> extends ChangeRule<Row> {
  readonly model: string;
  readonly key?: readonly string[];
  readonly most?: number;
}

const defaultMost = 1000;

/** The rows of one model as they are, read through one client or transaction. */
export class PrismaRows<Row extends object> {
  readonly key: readonly string[];
  readonly #model: object;
  readonly #rule: PrismaRowsRule<Row>;

  constructor(model: object, rule: PrismaRowsRule<Row>) {
    this.#model = model;
    this.#rule = rule;
    this.key = rule.key ?? ["id"];
  }

  /** Begins a query of the model; what comes of it starts when it is awaited. */
  query(name: string, args: object): PromiseLike<unknown> {
    const method: unknown = Reflect.get(this.#model, name);
    if (typeof method !== "function") throw new TypeError(`The model ${this.#rule.model} has no query ${name}`);
    return Reflect.apply(method, this.#model, [args]);
  }

  has(name: string): boolean {
    return typeof Reflect.get(this.#model, name) === "function";
  }

  /** The row with a unique value, as a list; undefined and a report when it cannot be read. */
  async unique(where: unknown): Promise<Row[] | undefined> {
    const found = await tried(async () => [await this.query("findUnique", { where })], this.#rule);
    // All its fields were asked for.
    return found?.filter((row) => row !== null) as Row[] | undefined;
  }

  /** The rows that match; undefined and a report when they cannot be read or are too many. */
  async matching(where: unknown): Promise<Row[] | undefined> {
    const most = this.#rule.most ?? defaultMost;
    const rows = await tried(async () => await this.query("findMany", { where, take: most + 1 }), this.#rule);
    if (!Array.isArray(rows) || rows.length <= most) return rows as Row[] | undefined;
    return this.unknown(`one write changes more than ${most} rows (\`most\`)`);
  }

  /** The rows that have the keys of others, in their order; undefined where there is none. */
  async again(rows: readonly object[]): Promise<(Row | undefined)[] | undefined> {
    if (rows.length === 0) return [];
    const most = this.#rule.most ?? defaultMost;
    if (rows.length > most) return this.unknown(`one write changes more than ${most} rows (\`most\`)`);
    const [only = "id", another] = this.key;
    const where = another
      ? { OR: rows.map((row) => Object.fromEntries(this.key.map((field) => [field, Reflect.get(row, field)]))) }
      : { [only]: { in: rows.map((row) => Reflect.get(row, only)) } };
    const found = await this.matching(where);
    if (found === undefined) return undefined;
    const byKey = new Map(found.map((row) => [this.keyOf(row), row]));
    return rows.map((row) => byKey.get(this.keyOf(row)));
  }

  /** A row's key as text. */
  keyOf(row: object): string {
    return this.key.map((field) => String(Reflect.get(row, field))).join("\n");
  }

  /** Whether a row says its key. */
  isKnown(row: unknown): row is object {
    return typeof row === "object" && row !== null && this.key.every((field) => Reflect.get(row, field) !== undefined);
  }

  /** Says that changes are not published because nobody can tell them. */
  unknown(why: string): undefined {
    reporter(this.#rule)(new Error(`Changes of ${this.#rule.model} are not published: ${why}`));
    return undefined;
  }
}
