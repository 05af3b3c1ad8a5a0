import type { Outcome } from "./fleet.ts";
import { Histogram } from "./histogram.ts";
import type { LoadReport } from "./load.ts";

/** What one run measured. Figures that a scenario does not yield are undefined. */
export interface Figures {
  readonly outcome: Outcome;
  readonly deliveries: number;
  readonly deliveriesPerSecond?: number;
  readonly elapsedMs?: number;
  readonly cpuUsPerDelivery?: number;
  readonly busCpuMs?: number;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  readonly p999Ms?: number;
  readonly rssKbPerConnection?: number;
  readonly rssMb: number;
  readonly missing: number;
  readonly pending: number;
  readonly duplicates: number;
  readonly misordered: number;
  readonly lagged: number;
  readonly skipped: number;
  readonly replayed: number;
  readonly closed: number;
  readonly reason: string;
}

/**
 * The figures that every scenario yields. What had not arrived yet when a run was cut is pending; at any other end it is
 * missing.
 */
export function counted(report: LoadReport, outcome: Outcome, rssBytes: number): Figures {
  const { duplicates, misordered, lagged, skipped, replayed, closed, reason, deliveries, gaps, behind } = report;
  const [missing, pending] = outcome === "cut" ? [gaps, behind] : [gaps + behind, 0];
  const counts = { deliveries, missing, pending, duplicates, misordered, lagged, skipped, replayed, closed };
  return { ...counts, reason, outcome, rssMb: rssBytes / 1024 / 1024 };
}

/** Publish to arrival, over all deliveries of all clients. */
export function latencies(report: LoadReport): Partial<Figures> {
  const latency = new Histogram(report.latency);
  const ms = (share: number) => latency.percentile(share) / 1000;
  return { p50Ms: ms(0.5), p99Ms: ms(0.99), p999Ms: ms(0.999) };
}

/** What was delivered between the first publish and the last arrival, and what it cost. Nothing when nothing arrived. */
export function throughput(report: LoadReport, window: { startUs: number; serverUs: number }): Partial<Figures> {
  const { deliveries, lastAtUs } = report;
  if (deliveries === 0) return {};
  const elapsedUs = lastAtUs - window.startUs;
  return {
    elapsedMs: elapsedUs / 1000,
    deliveriesPerSecond: (deliveries / elapsedUs) * 1e6,
    cpuUsPerDelivery: window.serverUs / deliveries,
  };
}
