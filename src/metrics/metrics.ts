import { Counter, Gauge, Registry } from "prom-client";

/** What is counted elsewhere as plain numbers, read at the moment of a scrape. */
export interface Readings {
  readonly connections: () => Readonly<Record<string, number>>;
  readonly delivered: () => number;
  readonly lagged: () => number;
  readonly stuck: () => number;
  readonly resumes: () => Readonly<Record<string, number>>;
  readonly rejected: () => ReadonlyMap<string, number>;
  /** How often who was refused what, by `limit scope`. */
  readonly refused: () => ReadonlyMap<string, number>;
  /** How many exceptions there were that no request could answer for. */
  readonly exceptions: () => number;
  readonly isBusUp: () => boolean;
}

interface Metric {
  readonly kind: typeof Counter | typeof Gauge;
  readonly name: string;
  readonly help: string;
  /** What tells its values apart, when there are several. */
  readonly label?: string;
  read(readings: Readings): readonly (readonly [value: string, count: number])[];
}

const metrics: readonly Metric[] = [
  {
    kind: Gauge,
    name: "skein_bus_up",
    help: "1 when the bus is up, 0 while it is away",
    read: ({ isBusUp }) => single(isBusUp() ? 1 : 0),
  },
  {
    kind: Gauge,
    name: "skein_connections",
    help: "Open connections, by transport",
    label: "transport",
    read: ({ connections }) => Object.entries(connections()),
  },
  {
    kind: Counter,
    name: "skein_frames_delivered_total",
    help: "Live frames handed to clients",
    read: ({ delivered }) => single(delivered()),
  },
  {
    kind: Counter,
    name: "skein_sessions_lagged_total",
    help: "Fresh snapshots for clients that fell behind",
    read: ({ lagged }) => single(lagged()),
  },
  {
    kind: Counter,
    name: "skein_sessions_stuck_total",
    help: "Clients closed because they accepted no byte",
    read: ({ stuck }) => single(stuck()),
  },
  {
    kind: Counter,
    name: "skein_resumes_total",
    help: "Connections that came with a cursor: resumed from it, or told that it expired",
    label: "outcome",
    read: ({ resumes }) => Object.entries(resumes()),
  },
  {
    kind: Counter,
    name: "skein_messages_rejected_total",
    help: "Messages on the bus that failed their schema, by stream",
    label: "stream",
    read: ({ rejected }) => [...rejected()],
  },
  {
    kind: Counter,
    name: "skein_limited_total",
    help: "What was refused because somebody had too much, by limit and by whose it was: principal, address or org",
    label: "limit",
    read: ({ refused }) => [...refused()],
  },
  {
    kind: Counter,
    name: "skein_unexpected_exceptions_total",
    help: "Exceptions that are defects of Skein; each is on standard error, with what was being done",
    read: ({ exceptions }) => single(exceptions()),
  },
];

/** The metrics of a gateway in Prometheus' text format. */
export function metricsOf(readings: Readings): () => Promise<{ text: string; contentType: string }> {
  const registry = new Registry();
  for (const metric of metrics) addTo(registry, metric, readings);
  return async () => ({ text: await registry.metrics(), contentType: registry.contentType });
}

function single(count: number): [string, number][] {
  return [["", count]];
}

function addTo(registry: Registry, { kind: Kind, name, help, label, read }: Metric, readings: Readings): void {
  new Kind({
    name,
    help,
    labelNames: label === undefined ? [] : [label],
    registers: [registry],
    collect() {
      this.reset();
      for (const [value, count] of read(readings)) this.inc(label === undefined ? {} : { [label]: value }, count);
    },
  });
}
