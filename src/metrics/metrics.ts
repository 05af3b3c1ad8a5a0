import { Counter, Gauge, Registry } from "prom-client";

/** What is counted elsewhere as plain numbers, read at the moment of a scrape. */
export interface Readings {
  readonly connections: () => Readonly<Record<string, number>>;
  readonly delivered: () => number;
  readonly lagged: () => number;
  readonly stuck: () => number;
  readonly resumes: () => Readonly<Record<string, number>>;
  readonly rejected: () => ReadonlyMap<string, number>;
  readonly isBusUp: () => boolean;
}

/** The metrics of a gateway in Prometheus' text format. */
export function metricsOf(readings: Readings): () => Promise<{ text: string; contentType: string }> {
  const registry = new Registry();
  const registers = [registry];
  new Gauge({
    name: "skein_connections",
    help: "Open connections, by transport",
    labelNames: ["transport"],
    registers,
    collect() {
      for (const [transport, count] of Object.entries(readings.connections())) this.set({ transport }, count);
    },
  });
  new Gauge({
    name: "skein_bus_up",
    help: "1 when the bus is up, 0 while it is away",
    registers,
    collect() {
      this.set(readings.isBusUp() ? 1 : 0);
    },
  });
  counter(registers, ["skein_frames_delivered_total", "Live frames handed to clients"], readings.delivered);
  counter(registers, ["skein_sessions_lagged_total", "Fresh snapshots for clients that fell behind"], readings.lagged);
  counter(registers, ["skein_sessions_stuck_total", "Clients closed because they accepted no byte"], readings.stuck);
  new Counter({
    name: "skein_resumes_total",
    help: "Connections that came with a cursor: resumed from it, or told that it expired",
    labelNames: ["outcome"],
    registers,
    collect() {
      this.reset();
      for (const [outcome, count] of Object.entries(readings.resumes())) this.inc({ outcome }, count);
    },
  });
  new Counter({
    name: "skein_messages_rejected_total",
    help: "Messages on the bus that failed their schema, by stream",
    labelNames: ["stream"],
    registers,
    collect() {
      this.reset();
      for (const [stream, count] of readings.rejected()) this.inc({ stream }, count);
    },
  });
  return async () => ({ text: await registry.metrics(), contentType: registry.contentType });
}

function counter(registers: Registry[], [name, help]: readonly [string, string], read: () => number): void {
  new Counter({
    name,
    help,
    registers,
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}
