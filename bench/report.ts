import { cpus, release } from "node:os";
import { stripVTControlCharacters } from "node:util";
import colours from "picocolors";
import { type Median, medians, type Ratio, type Result, ratios } from "./medians.ts";
import { scenarios } from "./scenario.ts";

interface Column {
  readonly title: string;
  readonly figure: string;
  readonly digits: number;
  /** Whether anything but 0 is a defect. */
  readonly wanted: "any" | "none";
}

const column = (title: string, figure: string, digits: number): Column => ({ title, figure, digits, wanted: "any" });
const defect = (title: string, figure: string): Column => ({ title, figure, digits: 0, wanted: "none" });

const integrity = [
  defect("missing", "missing"),
  defect("dup", "duplicates"),
  defect("late", "misordered"),
  column("pending", "pending", 0),
  column("lagged", "lagged", 0),
  defect("closed", "closed"),
];

const trafficColumns = [
  column("deliveries/s", "deliveriesPerSecond", 0),
  column("CPU µs", "cpuUsPerDelivery", 2),
  column("bus CPU ms", "busCpuMs", 0),
  column("p50 ms", "p50Ms", 2),
  column("p99 ms", "p99Ms", 2),
  column("p99.9 ms", "p999Ms", 2),
  column("RSS MB", "rssMb", 0),
  column("took ms", "elapsedMs", 0),
  ...integrity,
];

const idleColumns = [
  column("KB/conn", "rssKbPerConnection", 1),
  column("RSS MB", "rssMb", 0),
  defect("closed", "closed"),
];

const compared = [
  column("CPU µs", "cpuUsPerDelivery", 2),
  column("p50", "p50Ms", 2),
  column("p99", "p99Ms", 2),
  column("p99.9", "p999Ms", 2),
  column("deliveries/s", "deliveriesPerSecond", 2),
  column("KB/conn", "rssKbPerConnection", 2),
];

/** Everything, for programs. */
export function json(results: readonly Result[]): string {
  const all = medians(results);
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, kernel: release(), node: process.version };
  return JSON.stringify({ machine, runs: results, medians: all, ratios: ratios(all) }, null, 2);
}

/** Everything, for people. */
export function tables(results: readonly Result[]): string {
  const all = medians(results);
  const compare = ratios(all);
  const sections = scenarios.flatMap(({ name, about }) => {
    const rows = all.filter(({ scenario }) => scenario === name);
    if (rows.length === 0) return [];
    const title = `${colours.bold(name)}  ${colours.dim(`${about}; ${terms(results, name)}`)}`;
    const against = compare.filter(({ scenario }) => scenario === name);
    return [title, measured(rows), ...(against.length > 0 ? [ratioTable(against)] : []), ...failures(rows)];
  });
  const model = `${cpus().length} × ${cpus()[0]?.model ?? "unknown CPU"}, Node ${process.version}, Linux ${release()}`;
  return [...sections, colours.dim(`${model}. --help explains every figure.`)].join("\n\n");
}

function terms(results: readonly Result[], name: string): string {
  const scenario = results.find((result) => result.scenario.name === name)?.scenario;
  if (!scenario) return "";
  const { clients, rate, seconds, frames, pace } = scenario;
  const rounds = Math.max(...results.filter((result) => result.scenario.name === name).map(({ round }) => round));
  const repeated = rounds > 1 ? `, medians of ${rounds} runs` : "";
  if (pace === "none") return `${clients} connections${repeated}`;
  if (pace === "flood") return `${clients} clients × ${frames} frames${repeated}`;
  return `${clients} clients × ${rate}/s × ${seconds} s${repeated}`;
}

function measured(rows: readonly Median[]): string {
  const columns = rows.some(({ scenario }) => scenario === "idle") ? idleColumns : trafficColumns;
  return table(
    ["server", "transport", ...columns.map(({ title }) => title), "end"],
    rows
      .filter(({ runs }) => runs > 0)
      .map(({ server, transport, figures, ends }) => [server, transport, ...columns.map(cell(figures)), ends]),
  );
}

function ratioTable(rows: readonly Ratio[]): string {
  const columns = compared.filter(({ figure }) => rows.some(({ figures }) => figure in figures));
  return table(
    ["skein ÷", "transport", ...columns.map(({ title }) => title)],
    rows.map(({ against, transport, figures }) => [against, transport, ...columns.map(cell(figures))]),
  );
}

function failures(rows: readonly Median[]): string[] {
  return rows.flatMap(({ server, transport, failure }) =>
    failure === undefined ? [] : [colours.red(`${server} ${transport}: ${failure}`)],
  );
}

function cell(figures: Readonly<Record<string, number>>): (of: Column) => string {
  return ({ figure, digits, wanted }) => {
    const value = figures[figure];
    if (value === undefined || Number.isNaN(value)) return "–";
    const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    const text = value.toLocaleString("en-US", options);
    return wanted === "none" && value > 0 ? colours.red(text) : text;
  };
}

/** Columns side by side: the first two stand left, figures stand right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => plain(row[at]).length)));
  const line = (cells: readonly string[]) => cells.map((text, at) => pad(text, widths[at] ?? 0, at)).join("  ");
  return [colours.dim(line(head)), ...rows.map(line)].join("\n");
}

/** The first two columns are names and stand left; figures stand right. */
function pad(text: string, width: number, at: number): string {
  const space = " ".repeat(Math.max(0, width - plain(text).length));
  return at < 2 ? text + space : space + text;
}

function plain(text = ""): string {
  return stripVTControlCharacters(text);
}
