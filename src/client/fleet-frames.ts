import type { Counted, Maybe, Resumed, SnapshotReason, Told } from "./frame.ts";

/** A row of the fleet. Rows that other services publish may have other fields. */
export interface Instance {
  readonly name: string;
  readonly status: string;
  readonly port: number | null;
  readonly pid: number | null;
  readonly archived_at: Maybe;
  readonly node?: string;
  readonly template?: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly created_at?: string;
  readonly exit_code?: number | null;
  readonly restarts?: number;
  readonly [field: string]: unknown;
}

export type InstanceFrame =
  | {
      readonly type: "snapshot";
      readonly instances: readonly Instance[];
      readonly include_archived: boolean;
      readonly reason?: SnapshotReason;
      readonly cursor?: string;
    }
  | ({ readonly type: "instance_created" | "instance_unarchived" } & Instance & Told)
  | ({
      readonly type: "status_changed";
      readonly name: string;
      readonly status: string;
      readonly pid: number | null;
    } & Told)
  | ({ readonly type: "instance_updated"; readonly name: string; readonly [field: string]: unknown } & Told)
  | ({ readonly type: "instance_archived"; readonly name: string; readonly archived_at: Maybe } & Told)
  | ({ readonly type: "instance_deleted"; readonly name: string } & Told)
  | Resumed;

export type LogFrame =
  | {
      readonly type: "backlog";
      readonly lines: readonly string[];
      readonly count: number;
      readonly reason?: SnapshotReason;
      readonly cursor?: string;
    }
  | { readonly type: "lines"; readonly lines: readonly string[]; readonly count: number; readonly cursor?: string }
  | {
      readonly type: "rotated";
      readonly reason: "renamed" | "truncated" | "replaced";
      readonly timestamp: string;
      readonly cursor?: string;
    }
  | {
      readonly type: "gap";
      readonly from: number;
      readonly to: number | null;
      readonly reason: string;
      readonly cursor?: string;
    }
  | Resumed;

/** What stands in a log view: a line, or a rule across it. */
export type LogEntry =
  | { readonly kind: "line"; readonly text: string }
  | { readonly kind: "rotated"; readonly reason: string; readonly timestamp: string }
  | { readonly kind: "gap"; readonly from: number; readonly to: number | null; readonly reason: string };

export interface MessageEvent {
  readonly message_id: string;
  readonly event: "sent" | "delivered" | "acknowledged" | "failed";
  readonly from: string;
  readonly to: string;
  readonly message_type: string;
  readonly correlation_id?: string;
  readonly detail: Maybe;
  readonly timestamp: string;
}

export type MessageFrame =
  | {
      readonly type: "snapshot";
      readonly recent_events: readonly MessageEvent[];
      readonly reason?: SnapshotReason;
      readonly cursor?: string;
    }
  | ({ readonly type: "message_event"; readonly cursor?: string } & MessageEvent)
  | Resumed;

/** What happens in a run. */
export interface RunEvent {
  readonly type: "boot" | "agent_start" | "agent_end" | "task_start" | "task_end" | "error" | "done";
  readonly timestamp: string;
  readonly run_id: string;
  readonly crew_id?: Maybe;
  readonly agent_id?: Maybe;
  readonly task_id?: Maybe;
  readonly name?: Maybe;
  readonly status?: Maybe;
  readonly message?: Maybe;
  readonly duration_s?: number | null;
  readonly exit_code?: number | null;
  readonly cursor?: string;
  readonly [field: string]: unknown;
}

export type RunFrame = Counted | RunEvent | Resumed;
