import { isDeepStrictEqual } from "node:util";
import { type ChangePublisher, outboxOf, type Place } from "./on-change-outbox.ts";

/** A row before and after a write. */
export interface Change<Row extends object> {
  /** The row as it is now, or was when it is no more. */
  readonly row: Row;
  /** Undefined when the row was made. */
  readonly before: Row | undefined;
  /** Undefined when the row was deleted. */
  readonly after: Row | undefined;
}

/** What to publish when a row has changed. */
export interface ChangeRule<Row extends object> {
  /** What a change means on the bus: where, and a body, or null to delete; undefined when it means nothing there. */
  readonly publish: (change: Change<Row>) => readonly [place: Place, body: object | null] | undefined;
  readonly publisher: ChangePublisher;
  /** How long one publish may take before the next one goes, in milliseconds. Default: 10 s. */
  readonly patienceMs?: number;
  /** Is told what could not be published, and why. Default: `console.warn`. */
  readonly report?: (fault: Error) => void;
}

/** Takes changes, in order. Never throws. */
export type Tell<Row extends object> = (changes: readonly Change<Row>[]) => void;

/** The rule as something to tell changes to once they are committed. Returns at once; a row that is as it was is no change. */
export function teller<Row extends object>(rule: ChangeRule<Row>): Tell<Row> {
  const { publish, publisher, patienceMs } = rule;
  const outbox = outboxOf(publisher);
  const report = reporter(rule);
  return (changes) => {
    for (const change of changes) {
      if (isDeepStrictEqual(change.before, change.after)) continue;
      try {
        const said = publish(change);
        if (said)
          outbox.add({ place: said[0], body: said[1], report, ...(patienceMs !== undefined && { patienceMs }) });
      } catch (error) {
        report(new Error("A change is not published: its rule threw", { cause: error }));
      }
    }
  };
}

/** Where the faults of a rule go. What it gives never throws. */
export function reporter({ report = warn }: Pick<ChangeRule<never>, "report">): (fault: Error) => void {
  return (fault) => {
    try {
      report(fault);
    } catch {
      // A write must not fail because nobody can hear of a fault.
    }
  };
}

function warn(fault: Error): void {
  console.warn(`skein: ${fault.message}`, fault.cause ?? "");
}

/** A transaction whose changes are told when it has committed, and never when it has not. */
export function transacted<Row extends object>(
  begin: (...args: readonly unknown[]) => unknown,
  tell: Tell<Row>,
  wrap: (inner: unknown, hold: Tell<Row>) => unknown,
) {
  return async (work: unknown, ...options: readonly unknown[]) => {
    if (typeof work !== "function") return begin(work, ...options);
    let held: Change<Row>[] = [];
    const result = await begin(
      (inner: unknown, ...others: readonly unknown[]) => {
        // A driver may run it again after a conflict.
        const mine: Change<Row>[] = [];
        held = mine;
        return work(
          wrap(inner, (changes) => {
            mine.push(...changes);
          }),
          ...others,
        );
      },
      ...options,
    );
    tell(held);
    return result;
  };
}

/** What is found by reading; undefined and a report when the reading fails, for no write may fail by it. */
export async function tried<T>(
  read: () => Promise<T>,
  rule: Pick<ChangeRule<never>, "report">,
): Promise<Awaited<T> | undefined> {
  try {
    return await read();
  } catch (error) {
    reporter(rule)(new Error("A change is not published: its row cannot be read", { cause: error }));
    return undefined;
  }
}

/** The changes between two states of the same rows, pair by pair. */
export function changesOf<Row extends object>(
  befores: readonly (Row | undefined)[],
  afters: readonly (Row | undefined)[],
) {
  return befores.flatMap((before, at): Change<Row>[] => {
    const after = afters[at];
    const row = after ?? before;
    return row === undefined ? [] : [{ row, before, after }];
  });
}
