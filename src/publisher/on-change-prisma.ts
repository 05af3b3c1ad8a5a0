import { PrismaRows } from "./on-change-prisma-rows.ts";
import { isWriting, PrismaWrite } from "./on-change-prisma-write.ts";
import { type ChangeRule, type Tell, teller, transacted } from "./on-change-rule.ts";

export { type ChangePublisher, changesPublished, type Place } from "./on-change-outbox.ts";
export type { Change, ChangeRule } from "./on-change-rule.ts";

/** What Prisma Client says of the rows of one of its models. */
interface Delegate<Row> {
  readonly [types: symbol]: { readonly types: { readonly payload: { readonly scalars: Row } } };
}

/** The models of a client, as its properties are called. */
export type ModelOf<Client> = {
  [Name in keyof Client]: Client[Name] extends Delegate<object> ? Name : never;
}[keyof Client] &
  string;

/** A row of a model. */
export type RowOf<Client, Model extends keyof Client> =
  Client[Model] extends Delegate<infer Row extends object> ? Row : never;

/** What to publish when rows of a model change. */
export interface PrismaRule<Client, Model extends ModelOf<Client>> extends ChangeRule<RowOf<Client, Model>> {
  /** The model, as it is called on the client: `task` for `prisma.task`. */
  readonly model: Model;
  /** The fields that tell rows apart. Default: `["id"]`. No write may change them. */
  readonly key?: readonly (keyof RowOf<Client, Model> & string)[];
  /** How many rows one write may change; of more than that nothing is published, and it is reported. Default: 1,000. */
  readonly most?: number;
}

/**
 * A Prisma client that publishes what is changed through it in a model, once that is committed.
 *
 * Its queries do what they did; a write reads its rows before and after. None waits for the bus or fails because of it.
 * Raw SQL, nested writes of other models and cascades are not seen, nor is what `$extends` makes of the client: wrap last.
 */
export function onChange<Client extends object, Model extends ModelOf<Client>>(
  client: Client,
  rule: PrismaRule<Client, Model>,
): Client {
  return watched(client, { rule, tell: teller(rule) });
}

interface Watch<Row extends object> {
  readonly rule: ChangeRule<Row> & { readonly model: string; readonly key?: readonly string[]; readonly most?: number };
  readonly tell: Tell<Row>;
}

/** A client, or one within a transaction, whose changes go to `tell`. */
function watched<Client extends object, Row extends object>(client: Client, watch: Watch<Row>): Client {
  const { rule, tell } = watch;
  return new Proxy(client, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (name === rule.model && isObject(value)) return delegate(value, watch);
      if (name !== "$transaction" || typeof value !== "function") return value;
      const act = (...args: readonly unknown[]): unknown => Reflect.apply(value, target, args);
      const interactive = transacted(act, tell, (inner, hold) =>
        isObject(inner) ? watched(inner, { rule, tell: hold }) : inner,
      );
      return (work: unknown, ...options: readonly unknown[]) =>
        Array.isArray(work) ? sequence(work, (queries) => act(queries, ...options)) : interactive(work, ...options);
    },
  });
}

/** A model whose writes are seen. */
function delegate<Row extends object>(model: object, { rule, tell }: Watch<Row>): object {
  const rows = new PrismaRows(model, rule);
  return new Proxy(model, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name, target);
      if (typeof method !== "function" || !isWriting(name)) return method;
      return (args: object) => new PrismaWrite({ rows, name, args, tell });
    },
  });
}

/** Several queries that are carried out as one transaction. */
async function sequence(queries: readonly unknown[], act: (queries: readonly unknown[]) => unknown): Promise<unknown> {
  const writes = queries.map((query) => (query instanceof PrismaWrite ? query : undefined));
  for (const write of writes) await write?.prepare();
  const results: unknown = await act(queries.map((query, at) => writes[at]?.begin() ?? query));
  if (!Array.isArray(results)) return results;
  const shown: unknown[] = [];
  for (const [at, result] of results.entries()) shown.push(writes[at] ? await writes[at].finish(result) : result);
  return shown;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
