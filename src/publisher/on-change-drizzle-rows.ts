import { and, type Column, eq, getTableColumns, getTableName, inArray, or, type SQL, type Table } from "drizzle-orm";
import { type ChangeRule, reporter, tried } from "./on-change-rule.ts";

/** Which rows are read, and how they are told apart. */
export interface RowsRule<Row extends object> extends ChangeRule<Row> {
  readonly table: Table;
  readonly key?: readonly string[];
  readonly most?: number;
}

/** Which rows a write is about, in the words of its query. */
export interface Selection {
  readonly where?: unknown;
  readonly orderBy?: readonly unknown[];
  readonly limit?: unknown;
}

const defaultMost = 1000;

/** The rows of one table as they are, read through one database or transaction. */
export class DrizzleRows<Row extends object> {
  readonly #handle: object;
  readonly #rule: RowsRule<Row>;
  readonly #key: readonly (readonly [field: string, column: Column])[];

  /** Throws an Error when the table has no key. */
  constructor(handle: object, rule: RowsRule<Row>) {
    this.#handle = handle;
    this.#rule = rule;
    const columns: Record<string, Column> = getTableColumns(rule.table);
    const isKey = ([field, { primary }]: readonly [string, Column]) => rule.key?.includes(field) ?? primary;
    this.#key = Object.entries(columns).filter(isKey);
    if (this.#key.length > 0 && this.#key.length === (rule.key?.length ?? this.#key.length)) return;
    const name = getTableName(rule.table);
    throw new Error(`The table ${name} has no column that is its primary key: name its fields with \`key\``);
  }

  /** The rows that a write is about to change; undefined and a report when they cannot be told. */
  async matching({ where, orderBy, limit }: Selection): Promise<Row[] | undefined> {
    const most = this.#rule.most ?? defaultMost;
    const rows = await this.#read((query) => {
      const found = where === undefined ? query : invoke(query, "where", where);
      const sorted = orderBy === undefined ? found : invoke(found, "orderBy", ...orderBy);
      return invoke(sorted, "limit", typeof limit === "number" ? Math.min(limit, most + 1) : most + 1);
    });
    if (rows === undefined || rows.length <= most) return rows;
    return this.unknown(`one write changes more than ${most} rows (\`most\`)`);
  }

  /** The rows that have the keys of others, in their order; undefined where there is none. */
  async again(rows: readonly object[]): Promise<(Row | undefined)[] | undefined> {
    if (rows.length === 0) return [];
    const most = this.#rule.most ?? defaultMost;
    if (rows.length > most) return this.unknown(`one write changes more than ${most} rows (\`most\`)`);
    const found = await this.#read((query) => invoke(query, "where", this.#have(rows)));
    if (found === undefined) return undefined;
    const byKey = new Map(found.map((row) => [this.keyOf(row), row]));
    return rows.map((row) => byKey.get(this.keyOf(row)));
  }

  /** What an insert puts in, with the keys that its table makes for it. */
  withKeys(row: object): object {
    const made = this.#key.flatMap(([field, { defaultFn }]) =>
      Reflect.get(row, field) === undefined && defaultFn ? [[field, defaultFn()] as const] : [],
    );
    return made.length === 0 ? row : { ...row, ...Object.fromEntries(made) };
  }

  /** Whether a row says its key. */
  isKnown(row: object): boolean {
    return this.#key.every(([field]) => isPlain(Reflect.get(row, field)));
  }

  /** The keys that a database has given to rows which were inserted together; undefined when nobody can tell. */
  numbered(last: unknown, count: number): object[] | undefined {
    const [only, another] = this.#key;
    if (!only || another || (typeof last !== "bigint" && typeof last !== "number")) return undefined;
    const [field, { dataType }] = only;
    if (dataType !== "number" && dataType !== "bigint") return undefined;
    const number = (at: number) => (dataType === "bigint" ? BigInt(last) + BigInt(at) : Number(last) + at);
    return Array.from({ length: count }, (_, at) => ({ [field]: number(at + 1 - count) }));
  }

  /** Says that changes are not published because nobody can tell them. */
  unknown(why: string): undefined {
    reporter(this.#rule)(new Error(`Changes of ${getTableName(this.#rule.table)} are not published: ${why}`));
    return undefined;
  }

  #read(refine: (query: object) => object): Promise<Row[] | undefined> {
    return tried(async () => {
      const query = invoke(invoke(this.#handle, "select"), "from", this.#rule.table);
      // All columns of the table were selected.
      return (await refine(query)) as Row[];
    }, this.#rule);
  }

  #have(rows: readonly object[]): SQL | undefined {
    const [only, another] = this.#key;
    if (only && !another) {
      const [field, column] = only;
      return inArray(
        column,
        rows.map((row) => Reflect.get(row, field)),
      );
    }
    return or(...rows.map((row) => and(...this.#key.map(([field, column]) => eq(column, Reflect.get(row, field))))));
  }

  /** A row's key as text. */
  keyOf(row: object): string {
    return this.#key.map(([field]) => String(Reflect.get(row, field))).join("\n");
  }
}

/** Whether a value is one, and not SQL that makes one. */
function isPlain(value: unknown): boolean {
  return value !== undefined && value !== null && (typeof value !== "object" || value instanceof Date);
}

/** Calls a method of a query, and gives the query that comes of it. */
export function invoke(query: object, name: string, ...args: readonly unknown[]): object {
  const method: unknown = Reflect.get(query, name);
  if (typeof method !== "function") throw new TypeError(`A query of Drizzle has no method ${name}`);
  return Reflect.apply(method, query, args);
}
