import { cpus, release } from "node:os";
import colours from "picocolors";
import { table } from "../report.ts";
import type { Row, Section } from "./section.ts";

/** A section that is over. */
export interface Measured {
  readonly section: Section;
  readonly rows: readonly Row[];
  readonly failure: string | undefined;
}

/** Everything, for programs. */
export function json(measured: readonly Measured[]): string {
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, kernel: release(), node: process.version };
  const sections = measured.map(({ section: { name, about }, rows, failure }) => ({ name, about, rows, failure }));
  return JSON.stringify({ machine, sections }, null, 2);
}

/** Everything, for people. */
export function tables(measured: readonly Measured[]): string {
  const parts = measured.map(({ section, rows, failure }) => {
    const title = `${colours.bold(section.name)}  ${colours.dim(section.about)}`;
    return [
      title,
      ...(rows.length > 0 ? [sectionTable(section, rows)] : []),
      ...(failure ? [colours.red(failure)] : []),
    ];
  });
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "unknown CPU"}, Node ${process.version}, Linux ${release()}`;
  return [...parts.map((part) => part.join("\n")), colours.dim(`${machine}. --help explains every figure.`)].join(
    "\n\n",
  );
}

/** Names first, in the order of the rows, then the figures of the columns. */
function sectionTable({ columns }: Section, rows: readonly Row[]): string {
  const figures = new Set(columns.map(({ figure }) => figure));
  const names = Object.keys(rows[0] ?? {}).filter((name) => !figures.has(name));
  const head = [...names, ...columns.map(({ title }) => title)];
  return table(
    head,
    rows.map((row) => [
      ...names.map((name) => String(row[name] ?? "")),
      ...columns.map(({ figure, digits }) => shown(row[figure], digits)),
    ]),
  );
}

function shown(value: string | number | undefined, digits: number): string {
  if (typeof value !== "number" || Number.isNaN(value)) return value === undefined ? "–" : String(value);
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
