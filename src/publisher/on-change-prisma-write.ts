import type { PrismaRows } from "./on-change-prisma-rows.ts";
import { changesOf, type Tell } from "./on-change-rule.ts";

type Reading = "nothing" | "unique" | "matching";

/** What writes, and how the rows that are there before are found. */
const writing = {
  create: "nothing",
  createMany: "nothing",
  createManyAndReturn: "nothing",
  update: "unique",
  upsert: "unique",
  delete: "unique",
  updateMany: "matching",
  updateManyAndReturn: "matching",
  deleteMany: "matching",
} as const satisfies Record<string, Reading>;

type Writing = keyof typeof writing;

/** Whether a method of a model writes. */
export function isWriting(name: PropertyKey): name is Writing {
  return typeof name === "string" && Object.hasOwn(writing, name);
}

interface Facts<Row extends object> {
  readonly rows: PrismaRows<Row>;
  readonly name: Writing;
  readonly args: object | undefined;
  readonly tell: Tell<Row>;
}

/** A write that starts when it is awaited, as Prisma's own promises do, and sees what it changes. */
export class PrismaWrite<Row extends object> implements Promise<unknown> {
  readonly [Symbol.toStringTag] = "PrismaPromise";
  readonly #facts: Facts<Row>;
  #before: readonly Row[] | undefined;
  #running: Promise<unknown> | undefined;

  constructor(facts: Facts<Row>) {
    this.#facts = facts;
  }

  // biome-ignore lint/suspicious/noThenProperty: it is a promise, and one that starts late
  then<A = unknown, B = never>(
    onFulfilled?: ((value: unknown) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#running ??= this.#run();
    return this.#running.then(onFulfilled, onRejected);
  }

  catch<B = never>(onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<unknown | B> {
    return this.then(undefined, onRejected);
  }

  finally(onFinally?: (() => void) | null): Promise<unknown> {
    return this.then().finally(onFinally);
  }

  /** Reads the rows as they are before it. */
  async prepare(): Promise<void> {
    const { rows, name, args = {} } = this.#facts;
    const reading: Reading = writing[name];
    const where: unknown = Reflect.get(args, "where");
    if (reading === "nothing") this.#before = [];
    else this.#before = reading === "unique" ? await rows.unique(where) : await rows.matching(where);
  }

  /** Prisma's own promise of it, which shows the keys of what it writes. */
  begin(): PromiseLike<unknown> {
    const { rows, args = {} } = this.#facts;
    return rows.query(this.#name, this.#showsKey ? withKey(args, rows.key) : args);
  }

  /** Tells what it has changed, and gives what its writer asked for. */
  async finish(result: unknown): Promise<unknown> {
    const { rows, name, tell } = this.#facts;
    const before = this.#before;
    if (before !== undefined) {
      const written = this.#written(result, before);
      const after = written ? await rows.again(written) : rows.unknown(`the keys of ${name} are made by the database`);
      if (written && after) {
        const old = new Map(before.map((row) => [rows.keyOf(row), row]));
        tell(
          changesOf(
            written.map((row) => old.get(rows.keyOf(row))),
            after,
          ),
        );
      }
    }
    if (this.#name !== name) return { count: Array.isArray(result) ? result.length : 0 };
    return this.#showsKey ? this.#asAsked(result) : result;
  }

  async #run(): Promise<unknown> {
    await this.prepare();
    return this.finish(await this.begin());
  }

  /** What is carried out: a `createMany` has to say what it made, where the database can. */
  get #name(): string {
    const { rows, name } = this.#facts;
    return name === "createMany" && rows.has("createManyAndReturn") ? "createManyAndReturn" : name;
  }

  /** Whether the result is the row, or the rows. */
  get #showsKey(): boolean {
    return !["createMany", "updateMany", "deleteMany"].includes(this.#facts.name);
  }

  /** The rows that it has written; undefined when nobody can tell. */
  #written(result: unknown, before: readonly Row[]): readonly object[] | undefined {
    const { rows, name } = this.#facts;
    if (writing[name] === "matching" || name === "delete") return before;
    const { args = {} } = this.#facts;
    const given: unknown = name === "createMany" && this.#name === name ? Reflect.get(args, "data") : result;
    const written = Array.isArray(given) ? given : [given];
    return written.every((row) => rows.isKnown(row)) ? written : undefined;
  }

  /** The result without the keys that only we asked for. */
  #asAsked(result: unknown): unknown {
    const { rows, args = {} } = this.#facts;
    if (Array.isArray(result)) return result.map((row: unknown) => this.#asAsked(row));
    const select = fieldsOf(args, "select");
    const omit = fieldsOf(args, "omit");
    const hidden = rows.key.filter((field) => (select ? select[field] !== true : omit?.[field] === true));
    if (hidden.length === 0 || typeof result !== "object" || result === null) return result;
    return Object.fromEntries(Object.entries(result).filter(([field]) => !hidden.includes(field)));
  }
}

/** Arguments whose result has the key, whatever else it has. */
function withKey(args: object, key: readonly string[]): object {
  const select = fieldsOf(args, "select");
  const omit = fieldsOf(args, "omit");
  const all = (is: boolean) => Object.fromEntries(key.map((field) => [field, is]));
  return {
    ...args,
    ...(select && { select: { ...select, ...all(true) } }),
    ...(omit && { omit: { ...omit, ...all(false) } }),
  };
}

function fieldsOf(args: object, name: string): Record<string, unknown> | undefined {
  const fields: unknown = Reflect.get(args, name);
  return typeof fields === "object" && fields !== null ? { ...fields } : undefined;
}
