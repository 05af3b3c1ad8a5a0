/** What `GET /api/gateway` counts, of one org or of all. */
export interface Figures {
  readonly connections: Readonly<Record<"ws" | "sse" | "poll", number>>;
  readonly delivered: number;
  readonly lagged: number;
  readonly stuck: number;
  readonly resumes: { readonly resumed: number; readonly expired: number };
  readonly rejected: Readonly<Record<string, number>>;
  readonly latency: {
    readonly turns: number;
    readonly p50_ms: number | null;
    readonly p95_ms: number | null;
    readonly p99_ms: number | null;
  };
  readonly queued: { readonly frames: number; readonly bytes: number };
}

/** An open connection. */
export interface OpenConnection {
  readonly id: number;
  readonly transport: string;
  readonly org: string;
  readonly subject: string;
  readonly streams: readonly string[];
  readonly stream_count: number;
  readonly since: string;
  readonly frames: number;
  readonly bytes: number;
  readonly queued_frames: number;
  readonly queued_bytes: number;
}

/** A connection that has ended. */
export interface ClosedConnection extends OpenConnection {
  readonly closed_at: string;
  readonly by: string;
  readonly code: number | null;
  readonly reason: string | null;
}

/** The answer of `GET /api/gateway`. */
export interface Report extends Figures {
  readonly version: string;
  readonly started_at: string;
  readonly now: string;
  readonly bus: { readonly kind: string; readonly state: string };
  readonly org: string;
  readonly open: readonly OpenConnection[];
  readonly closed: readonly ClosedConnection[];
  /** The sums of all orgs, for those who run the gateway. */
  readonly gateway?: Figures & { readonly limited: Readonly<Record<string, number>> };
}

/** The figures to show: of all orgs where they are known and wanted, otherwise of the own one. */
export function figuresOf(report: Report, wanted: "all" | "own"): Figures {
  return wanted === "all" ? (report.gateway ?? report) : report;
}
