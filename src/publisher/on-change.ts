import { type ChangeRule, changesOf, type Tell, teller, transacted, tried } from "./on-change-rule.ts";

export { type ChangePublisher, changesPublished, type Place } from "./on-change-outbox.ts";
export type { Change, ChangeRule } from "./on-change-rule.ts";

type Method = (...args: never[]) => Promise<unknown>;

/** The names of the methods of a repository that give promises. */
export type MethodOf<Repository> = {
  [Name in keyof Repository]: Repository[Name] extends Method ? Name : never;
}[keyof Repository] &
  string;

/** A call of a method; `result` is there when it has been carried out. */
export type Call<Repository, Name extends keyof Repository> = {
  [One in Name]: Repository[One] extends (...args: infer Args) => Promise<infer Result>
    ? { readonly method: One; readonly args: Args; readonly result?: Result }
    : never;
}[Name];

/** What to publish when a repository writes. */
export interface RepositoryRule<Repository, Name extends MethodOf<Repository>, Row extends object>
  extends ChangeRule<Row> {
  /** The methods that write. Each writes one row. */
  readonly writes: readonly Name[];
  /** The row that a call is about, as it is stored now. Asked before the call, and again after it with its result. */
  readonly find: (repository: Repository, call: Call<Repository, Name>) => Promise<Row | undefined> | Row | undefined;
  /** The method that runs a function in a transaction and gives it the repository to use there, as first argument. */
  readonly transaction?: MethodOf<Repository>;
}

/**
 * A repository that publishes what its writes have changed, once that is committed.
 *
 * Its methods do what they did. None of them waits for the bus or fails because of it. Calls that the repository makes
 * of its own methods are not seen.
 */
export function onChange<Repository extends object, Name extends MethodOf<Repository>, Row extends object>(
  repository: Repository,
  rule: RepositoryRule<Repository, Name, Row>,
): Repository {
  return watched(repository, rule, teller(rule));
}

function watched<Repository extends object, Name extends MethodOf<Repository>, Row extends object>(
  repository: Repository,
  rule: RepositoryRule<Repository, Name, Row>,
  tell: Tell<Row>,
): Repository {
  const writes: ReadonlySet<PropertyKey> = new Set(rule.writes);
  return new Proxy(repository, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name, target);
      if (typeof method !== "function") return method;
      // Private fields want the object itself.
      const act = (...args: readonly unknown[]): unknown => Reflect.apply(method, target, args);
      if (name === rule.transaction) {
        return transacted(act, tell, (inner, hold) =>
          isObject(inner) ? watched(inner as Repository, rule, hold) : inner,
        );
      }
      return writes.has(name) ? written({ target, name, act, rule, tell }) : act;
    },
  });
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

interface Writing<Repository, Name extends MethodOf<Repository>, Row extends object> {
  readonly target: Repository;
  readonly name: PropertyKey;
  readonly act: (...args: readonly unknown[]) => unknown;
  readonly rule: RepositoryRule<Repository, Name, Row>;
  readonly tell: Tell<Row>;
}

/** A method that writes, with a look at its row before and after. */
function written<Repository, Name extends MethodOf<Repository>, Row extends object>(
  writing: Writing<Repository, Name, Row>,
) {
  const { target, name, act, rule, tell } = writing;
  const find = async (facts: object) => {
    // The name is one of `writes`, and the arguments are what it was called with.
    const call = { method: name, ...facts } as unknown as Call<Repository, Name>;
    return { row: await rule.find(target, call) };
  };
  return async (...args: readonly unknown[]) => {
    const before = await tried(() => find({ args }), rule);
    const result = await act(...args);
    const after = before && (await tried(() => find({ args, result }), rule));
    if (before && after) tell(changesOf([before.row], [after.row]));
    return result;
  };
}
