/** What every frame has. */
export interface AnyFrame {
  readonly type: string;
  readonly cursor?: string;
  readonly [field: string]: unknown;
}

interface Resumed {
  readonly type: "resumed";
  readonly replayed: number;
  readonly cursor?: string;
}

type Maybe = string | null;

/** Why a snapshot came again. */
export type SnapshotReason = "filter" | "lagged" | "expired" | "resync";

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

interface Told {
  readonly timestamp: string;
  readonly cursor?: string;
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

interface Counted {
  readonly type: "snapshot";
  readonly count: number;
  readonly reason?: SnapshotReason;
  readonly cursor?: string;
}

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
export type TaskFrame = { readonly type: string; readonly cursor?: string } & (
  | Counted
  | TaskUpdate
  | ExecutionStep
  | Resumed
);

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

/** What a stream's frames and its state are. */
interface Shape<Frame, State> {
  readonly frame: Frame;
  readonly state: State;
}

type PathOf<Name extends string> = Name extends `${infer Path}?${string}` ? Path : Name;

type ShapeAt<Path extends string> = Path extends "instances"
  ? Shape<InstanceFrame, ReadonlyMap<string, Instance>>
  : Path extends `instances/${string}/logs`
    ? Shape<LogFrame, readonly LogEntry[]>
    : Path extends "messages"
      ? Shape<MessageFrame, readonly MessageEvent[]>
      : Path extends `runs/${string}`
        ? Shape<RunFrame, readonly RunEvent[]>
        : Path extends "mission"
          ? Shape<MissionFrame, ReadonlyMap<string, Signal>>
          : Path extends "graph"
            ? Shape<GraphFrame, ReadonlyMap<string, ActiveTool>>
            : Path extends `live/${"campaigns" | "agents" | "toasts"}`
              ? Shape<LiveFrame, readonly Fragment[]>
              : Path extends `tasks/${string}`
                ? Shape<TaskFrame, ReadonlyMap<string, Task>>
                : Path extends "swarm"
                  ? Shape<SwarmFrame, Swarm>
                  : Shape<AnyFrame, readonly AnyFrame[]>;

/** The frames of the stream of that name; of a stream of your own, any frame. */
export type FrameOf<Name extends string> = ShapeAt<PathOf<Name>>["frame"];

/** The state of the stream of that name; of a stream of your own, its newest frames. */
export type StateOf<Name extends string> = ShapeAt<PathOf<Name>>["state"];
