import type { Figures } from "./figures.ts";
import type { Scenario } from "./scenario.ts";
import type { Transport } from "./subscriber.ts";

/** One run that is over. */
export interface Result {
  readonly scenario: Scenario;
  readonly server: string;
  readonly transport: Transport;
  /** Which repetition, from 1. */
  readonly round: number;
  /** What it measured, or why it could not. */
  readonly figures: Figures | undefined;
  readonly failure: string | undefined;
}

/** Runs of one server and transport in one scenario, each figure its median. */
export interface Median {
  readonly scenario: string;
  readonly server: string;
  readonly transport: Transport;
  readonly runs: number;
  readonly failure: string | undefined;
  readonly figures: Readonly<Record<string, number>>;
  readonly ends: string;
}

/** Skein beside another server on the same transport: its median divided by the other's, figure by figure. */
export interface Ratio {
  readonly scenario: string;
  readonly transport: Transport;
  readonly against: string;
  readonly figures: Readonly<Record<string, number>>;
}

/** Figures that a ratio makes sense of. */
const comparable = ["cpuUsPerDelivery", "p50Ms", "p99Ms", "p999Ms", "deliveriesPerSecond", "rssKbPerConnection"];

/** Counts of what went wrong are added up: a median would hide the one run that lost frames. */
const summed = new Set(["missing", "pending", "duplicates", "misordered", "lagged", "skipped", "replayed", "closed"]);

/** Groups the runs of one server, transport and scenario and takes medians. */
export function medians(results: readonly Result[]): Median[] {
  const groups = Map.groupBy(results, ({ scenario, server, transport }) => `${scenario.name} ${server} ${transport}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (!first) return [];
    const figures = group.flatMap((result) => (result.figures ? [result.figures] : []));
    return {
      scenario: first.scenario.name,
      server: first.server,
      transport: first.transport,
      runs: figures.length,
      failure: group.find(({ failure }) => failure !== undefined)?.failure,
      figures: medianOfEach(figures),
      ends: [...new Set(figures.map(({ outcome }) => outcome))].join(", "),
    };
  });
}

/** Skein against every other server that was measured in the same scenario on the same transport. */
export function ratios(all: readonly Median[]): Ratio[] {
  return all.flatMap(({ scenario, server, transport, figures: theirs }) => {
    const own = all.find((one) => one.server === "skein" && one.scenario === scenario && one.transport === transport);
    if (!own || server === "skein") return [];
    const figures = Object.fromEntries(
      comparable.flatMap((name) => {
        const ratio = (own.figures[name] ?? Number.NaN) / (theirs[name] ?? Number.NaN);
        return Number.isFinite(ratio) ? [[name, ratio]] : [];
      }),
    );
    return Object.keys(figures).length === 0 ? [] : [{ scenario, transport, against: server, figures }];
  });
}

function medianOfEach(runs: readonly Figures[]): Record<string, number> {
  const names = new Set(runs.flatMap((run) => Object.keys(run)));
  return Object.fromEntries(
    [...names].flatMap((name) => {
      const values = runs.map((run) => Reflect.get(run, name)).filter((value) => typeof value === "number");
      if (values.length === 0) return [];
      return [[name, summed.has(name) ? values.reduce((sum, value) => sum + value, 0) : median(values)]];
    }),
  );
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const [low = Number.NaN, high = Number.NaN] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return (low + high) / 2;
}
