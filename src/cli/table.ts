/** A column of a table for people. */
export interface Column<Row> {
  readonly title: string;
  readonly of: (row: Row) => string;
  /** Dresses a text that has its final width, for example with a colour. */
  readonly dress?: (text: string, row: Row) => string;
  readonly align?: "left" | "right";
}

const gap = "  ";
const narrowest = 8;

/** The lines of a table, its titles first; wide columns give way until it fits into `width` characters. */
export function tableLines<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number): string[] {
  const cells = rows.map((row) => columns.map(({ of }) => harmless(of(row)) || "–"));
  const widest = columns.map(({ title }, i) => Math.max(title.length, ...cells.map((texts) => texts[i]?.length ?? 0)));
  const widths = fitted(widest, width - gap.length * (columns.length - 1));
  const line = (texts: readonly string[], row?: Row) =>
    columns
      .map(({ align, dress }, i) => {
        const text = padded(texts[i] ?? "", widths[i] ?? 0, align);
        return row === undefined || dress === undefined ? text : dress(text, row);
      })
      .join(gap)
      .trimEnd();
  return [line(columns.map(({ title }) => title)), ...cells.map((texts, i) => line(texts, rows[i]))];
}

/** A text without anything that would steer a terminal. */
export function harmless(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, "�");
}

const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
] as const;

/** An age in its largest unit: 3d, 5h, 12m or 40s. */
export function ageText(ms: number): string {
  if (Number.isNaN(ms)) return "";
  for (const [unit, unitMs] of units) if (ms >= unitMs) return `${Math.floor(ms / unitMs)}${unit}`;
  return `${Math.max(0, Math.floor(ms / 1000))}s`;
}

/** How many characters fit in a line of standard output; a file takes any number. */
export function lineWidth(): number {
  return process.stdout.isTTY ? process.stdout.columns || 80 : Number.POSITIVE_INFINITY;
}

function padded(text: string, width: number, align: "left" | "right" = "left"): string {
  const cut = text.length > width ? `${text.slice(0, width - 1)}…` : text;
  return align === "right" ? cut.padStart(width) : cut.padEnd(width);
}

function fitted(widest: readonly number[], room: number): number[] {
  const widths = [...widest];
  for (let over = widths.reduce((sum, one) => sum + one, 0) - room; over > 0; over--) {
    const most = Math.max(...widths);
    if (most <= narrowest) break;
    widths[widths.lastIndexOf(most)] = most - 1;
  }
  return widths;
}
