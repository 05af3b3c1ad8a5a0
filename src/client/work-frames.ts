import type { Counted, Maybe, Resumed, SnapshotReason, Told } from "./frame.ts";

export type CrewStatus = "offline" | "available" | "busy";

export interface Signal {
  readonly status: CrewStatus;
  readonly crewId: string;
  readonly [field: string]: unknown;
}

export type MissionFrame =
  | Counted
  | { readonly type: "signal"; readonly payload: Signal; readonly cursor?: string }
  | Resumed;

interface ToolCall {
  readonly timestamp: string;
  readonly crew_id: string;
  readonly tool: string;
  readonly run_id?: Maybe;
  readonly agent_id?: Maybe;
  readonly call_id?: Maybe;
  readonly cursor?: string;
}

export interface ToolStart extends ToolCall {
  readonly type: "tool_start";
  readonly params?: Readonly<Record<string, unknown>> | null;
  readonly lease_s?: number | null;
}

export interface ToolProgress extends ToolCall {
  readonly type: "tool_progress";
  readonly message?: Maybe;
  /** 0 to 1. */
  readonly progress?: number | null;
}

export interface ToolEnd extends ToolCall {
  readonly type: "tool_end";
  readonly status: "success" | "error" | "completed_with_errors";
  readonly duration_s?: number | null;
  readonly exit_code?: number | null;
  readonly reason?: Maybe;
}

export type GraphFrame =
  | {
      readonly type: "snapshot";
      readonly active: readonly ToolStart[];
      readonly reason?: SnapshotReason;
      readonly cursor?: string;
    }
  | ToolStart
  | ToolProgress
  | ToolEnd
  | { readonly type: "ping"; readonly timestamp: string; readonly cursor?: string }
  | Resumed;

/** A tool that has not ended, with the newest that it said of its progress. */
export interface ActiveTool {
  readonly start: ToolStart;
  readonly progress?: ToolProgress;
}

/** A piece of a page, rendered by the gateway; every value in it is escaped. */
export interface Fragment {
  readonly type: string;
  readonly id: string;
  readonly html: string;
  /** A CSS selector of what the piece stands for. Without one it is added to the page. */
  readonly refresh_target?: string;
  readonly cursor?: string;
}

export type LiveFrame = Counted | Fragment | Resumed;

export interface TaskUpdate {
  readonly type: "task_update";
  readonly instance_id: string;
  readonly task_id: string;
  readonly data: {
    readonly progress?: number | null;
    readonly message?: Maybe;
    readonly status?: "SUBMITTED" | "QUEUED" | "IN_PROGRESS" | "COMPLETED" | "FAILED" | null;
    readonly timestamp: string;
    readonly [field: string]: unknown;
  };
  readonly cursor?: string;
}

export interface ExecutionStep {
  readonly type: "execution_step";
  readonly instance_id: string;
  readonly task_id: string;
  readonly data: {
    readonly step_id: string;
    readonly agent?: Maybe;
    readonly action?: Maybe;
    readonly status?: Maybe;
    readonly output?: unknown;
    readonly started_at?: Maybe;
    readonly completed_at?: Maybe;
    readonly [field: string]: unknown;
  };
  readonly cursor?: string;
}

/** Of `tasks/<instance_id>`, the tasks of one instance. */
export type TaskFrame =
  | {
      readonly type: "subscribed";
      readonly instance_id: string;
      readonly reason?: SnapshotReason;
      readonly cursor?: string;
    }
  | TaskUpdate
  | ExecutionStep
  | Resumed;

/** A task: its latest update, and its steps by `step_id`. */
export interface Task {
  readonly task_id: string;
  readonly update: TaskUpdate["data"] | undefined;
  readonly steps: ReadonlyMap<string, ExecutionStep["data"]>;
}

export interface SwarmMember {
  readonly status: Maybe;
  readonly [field: string]: unknown;
}

export type SwarmFrame =
  | { readonly type: "connected"; readonly data: string }
  | {
      readonly type: "snapshot";
      readonly agents: readonly (SwarmMember & { readonly agent_id: string })[];
      readonly tasks: readonly (SwarmMember & { readonly task_id: string })[];
      readonly reason?: SnapshotReason;
      readonly cursor?: string;
    }
  | ({ readonly type: "agent_status_changed"; readonly agent_id: string } & SwarmMember & Told)
  | ({ readonly type: "task_status_changed"; readonly task_id: string } & SwarmMember & Told)
  | Resumed;

export interface Swarm {
  readonly agents: ReadonlyMap<string, SwarmMember>;
  readonly tasks: ReadonlyMap<string, SwarmMember>;
}
