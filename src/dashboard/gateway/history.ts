import { type Figures, figuresOf, type Report } from "./report.ts";

/** The figures at one moment; `undefined` where nothing is known. */
export interface Sample {
  readonly atMs: number;
  readonly ws: number | undefined;
  readonly sse: number | undefined;
  readonly poll: number | undefined;
  readonly framesPerS: number | undefined;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly queuedBytes: number | undefined;
}

/** What is known of a gateway so far: the last report, and what the charts show of those before. */
export interface History {
  readonly last: Report | undefined;
  /** The one behind the newest samples. */
  readonly base: Report | undefined;
  readonly own: readonly Sample[];
  readonly all: readonly Sample[];
}

export const noHistory: History = { last: undefined, base: undefined, own: [], all: [] };

/** How long a chart looks back. */
export const spanMs = 5 * 60_000;

/** Reports further apart than that are not connected by a line: the page was hidden, or the gateway away. */
const gapMs = 7000;

/** Two reports that are closer than that make no rate. */
const leastMs = 1000;

/** The history with one more report. A gateway that was started anew begins to count anew. */
export function extended(history: History, report: Report): History {
  const { base } = history;
  const isSame = base?.started_at === report.started_at;
  const laterMs = base === undefined ? leastMs : Date.parse(report.now) - Date.parse(base.now);
  if (isSame && laterMs >= 0 && laterMs < leastMs) return { ...history, last: report };
  const add = (samples: readonly Sample[], which: "own" | "all") => {
    const before = isSame && base ? { atMs: Date.parse(base.now), ...figuresOf(base, which) } : undefined;
    const sample = sampleOf(report, figuresOf(report, which), before);
    return joined(samples, sample);
  };
  return { last: report, base: report, own: add(history.own, "own"), all: add(history.all, "all") };
}

type Earlier = Pick<Figures, "delivered"> & { readonly atMs: number };

function sampleOf(report: Report, figures: Figures, before: Earlier | undefined): Sample {
  const { connections, latency, queued, delivered } = figures;
  const atMs = Date.parse(report.now);
  const isRate = before !== undefined && atMs > before.atMs && delivered >= before.delivered;
  return {
    atMs,
    ...connections,
    framesPerS: isRate ? ((delivered - before.delivered) * 1000) / (atMs - before.atMs) : undefined,
    p50Ms: latency.p50_ms ?? undefined,
    p99Ms: latency.p99_ms ?? undefined,
    queuedBytes: queued.bytes,
  };
}

function joined(samples: readonly Sample[], sample: Sample): Sample[] {
  const newest = samples.at(-1);
  // A clock that was set back leaves no order behind.
  if (newest && newest.atMs >= sample.atMs) return [sample];
  const kept = samples.filter(({ atMs }) => atMs > sample.atMs - spanMs);
  const isGap = newest !== undefined && sample.atMs - newest.atMs > gapMs;
  return [...kept, ...(isGap ? [emptyAt(newest.atMs + 1)] : []), sample];
}

function emptyAt(atMs: number): Sample {
  const nothing = undefined;
  return {
    atMs,
    ...{ ws: nothing, sse: nothing, poll: nothing },
    ...{ framesPerS: nothing, p50Ms: nothing, p99Ms: nothing, queuedBytes: nothing },
  };
}
