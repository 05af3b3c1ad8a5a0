import type { InferSelectModel, Table } from "drizzle-orm";
import { DrizzleRows } from "./on-change-drizzle-rows.ts";
import { DrizzleWrite } from "./on-change-drizzle-write.ts";
import { type ChangeRule, type Tell, teller, transacted } from "./on-change-rule.ts";

export { type ChangePublisher, changesPublished, type Place } from "./on-change-outbox.ts";
export type { Change, ChangeRule } from "./on-change-rule.ts";

/** What to publish when rows of a table change. */
export interface DrizzleRule<One extends Table> extends ChangeRule<InferSelectModel<One>> {
  readonly table: One;
  /** The fields that tell rows apart. Default: those that are declared as primary key. No write may change them. */
  readonly key?: readonly (keyof InferSelectModel<One> & string)[];
  /** How many rows one write may change; of more than that nothing is published, and it is reported. Default: 1,000. */
  readonly most?: number;
}

/** A Drizzle database over a driver that gives promises. */
export interface DrizzleDatabase {
  insert(table: never): object;
  update(table: never): object;
  delete(table: never): object;
  transaction(work: never, ...options: never): Promise<unknown>;
}

/**
 * A database that publishes what is changed through it in a table, once that is committed.
 *
 * Its queries do what they did; a write reads its rows before and after. None waits for the bus or fails because of it.
 * Raw SQL, prepared statements, cascades and triggers are not seen. Throws an Error when the table has no key.
 */
export function onChange<Database extends DrizzleDatabase, One extends Table>(
  database: Database,
  rule: DrizzleRule<One>,
): Database {
  return watched(database, { rule, tell: teller(rule) });
}

interface Watch<One extends Table> {
  readonly rule: DrizzleRule<One>;
  readonly tell: Tell<InferSelectModel<One>>;
}

/** A database, or one within a transaction, whose changes go to `tell`. */
function watched<Handle extends object, One extends Table>(handle: Handle, { rule, tell }: Watch<One>): Handle {
  const rows = new DrizzleRows(handle, rule);
  const write = (name: string) => (table: unknown, builder: unknown) =>
    table === rule.table && isObject(builder) ? new DrizzleWrite({ builder, name, rows, tell }).proxy : builder;
  return new Proxy(handle, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name, target);
      if (typeof method !== "function") return method;
      const act = (...args: readonly unknown[]): unknown => Reflect.apply(method, target, args);
      switch (name) {
        case "insert":
        case "update":
        case "delete":
          return (table: unknown, ...rest: readonly unknown[]) => write(name)(table, act(table, ...rest));
        case "with":
          return (...queries: readonly unknown[]) => insideOf(act(...queries), { rule, tell });
        case "transaction":
          return transacted(act, tell, (inner, hold) => insideOf(inner, { rule, tell: hold }));
        case "batch":
          return batched(act, tell);
        default:
          return typeof name === "string" && name.startsWith("$") ? method : act;
      }
    },
  });
}

function insideOf<One extends Table>(inner: unknown, watch: Watch<One>): unknown {
  return isObject(inner) ? watched(inner, watch) : inner;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** Several queries that are carried out as one. */
function batched<Row extends object>(act: (queries: unknown) => unknown, tell: Tell<Row>) {
  return async (queries: readonly unknown[]) => {
    const writes = queries.map((query) => DrizzleWrite.behind<Row>(query));
    const befores = [];
    for (const one of writes) befores.push(await one?.before());
    const results: unknown = await act(queries.map((query, at) => writes[at]?.builder ?? query));
    for (const [at, one] of writes.entries()) {
      tell((await one?.changes(befores[at], Array.isArray(results) ? results[at] : undefined)) ?? []);
    }
    return results;
  };
}
