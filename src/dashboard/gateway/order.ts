import type { OpenConnection } from "./report.ts";

/** What connections can be sorted by, and how each reads. */
export const columns = {
  queue: { title: "Queued", of: (one) => one.queued_frames * 1e9 + one.queued_bytes },
  sent: { title: "Sent", of: (one) => one.bytes },
  age: { title: "Open for", of: (one) => -Date.parse(one.since) },
  subject: { title: "Who", of: (one) => one.subject },
  transport: { title: "Transport", of: (one) => one.transport },
} as const satisfies Readonly<
  Record<string, { readonly title: string; readonly of: (one: OpenConnection) => number | string }>
>;

export type Column = keyof typeof columns;

/** A column, and whether the largest or last comes first. */
export interface Order {
  readonly column: Column;
  readonly isDown: boolean;
}

/** The order that a link names: `sent` upwards, `-sent` downwards; who waits for most comes first when it names none. */
export function orderIn(text: string | null): Order {
  const column = (text ?? "").replace(/^-/, "");
  if (!isColumn(column)) return { column: "queue", isDown: true };
  return { column, isDown: text?.startsWith("-") === true };
}

/** The order as a link names it; `undefined` for the usual one. */
export function textOf({ column, isDown }: Order): string | undefined {
  const text = `${isDown ? "-" : ""}${column}`;
  return text === "-queue" ? undefined : text;
}

/** The order after a click on a column: numbers begin with the largest, and a second click turns it round. */
export function clicked(order: Order, column: Column): Order {
  if (order.column === column) return { column, isDown: !order.isDown };
  return { column, isDown: column !== "subject" && column !== "transport" };
}

/** Those of which every word of `text` is in the name of somebody, an org, a transport or a stream. */
export function found<One extends OpenConnection>(all: readonly One[], text: string): One[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return all.filter(({ transport, org, subject, streams }) => {
    const names = [transport, org, subject, ...streams].join(" ").toLowerCase();
    return words.every((word) => names.includes(word));
  });
}

/** Connections in that order; of equal ones, the newest first. */
export function sorted(all: readonly OpenConnection[], { column, isDown }: Order): OpenConnection[] {
  const { of } = columns[column];
  const way = isDown ? -1 : 1;
  return all.toSorted((a, b) => way * compare(of(a), of(b)) || b.id - a.id);
}

function isColumn(text: string): text is Column {
  return Object.hasOwn(columns, text);
}

function compare(a: number | string, b: number | string): number {
  return a < b ? -1 : Number(a > b);
}
