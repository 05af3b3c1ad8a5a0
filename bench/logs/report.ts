import { cpus, release } from "node:os";
import colours from "picocolors";
import { table as columnsBeside } from "../report.ts";
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

/** A section, for people. */
export function table({ section, rows, failure }: Measured): string {
  const title = `${colours.bold(section.name)}  ${colours.dim(section.about)}`;
  return [title, ...(rows.length > 0 ? [figures(section, rows)] : []), ...(failure ? [colours.red(failure)] : [])].join(
    "\n",
  );
}

/** Where it was measured. */
export function footer(): string {
  const model = cpus()[0]?.model ?? "unknown CPU";
  return colours.dim(
    `${cpus().length} × ${model}, Node ${process.version}, Linux ${release()}. --help explains every figure.`,
  );
}

/** Names first, in the order of the rows, then the figures of the columns. */
function figures({ columns }: Section, rows: readonly Row[]): string {
  const known = new Set(columns.map(({ figure }) => figure));
  const names = Object.keys(rows[0] ?? {}).filter((name) => !known.has(name));
  const head = [...names, ...columns.map(({ title }) => title)];
  return columnsBeside(
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
