/** What every frame has. */
export interface AnyFrame {
  readonly type: string;
  readonly cursor?: string;
  readonly [field: string]: unknown;
}

/** Nothing that was missed is missing: `replayed` frames follow that came meanwhile. */
export interface Resumed {
  readonly type: "resumed";
  readonly replayed: number;
  readonly cursor?: string;
}

export type Maybe = string | null;

/** Why a snapshot came again. */
export type SnapshotReason = "filter" | "lagged" | "expired" | "resync";

/** When it happened. */
export interface Told {
  readonly timestamp: string;
  readonly cursor?: string;
}

/** How many frames of the past follow. */
export interface Counted {
  readonly type: "snapshot";
  readonly count: number;
  readonly reason?: SnapshotReason;
  readonly cursor?: string;
}
