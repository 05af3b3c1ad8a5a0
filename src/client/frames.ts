import type {
  Instance,
  InstanceFrame,
  LogEntry,
  LogFrame,
  MessageEvent,
  MessageFrame,
  RunEvent,
  RunFrame,
} from "./fleet-frames.ts";
import type { AnyFrame } from "./frame.ts";
import type {
  ActiveTool,
  Fragment,
  GraphFrame,
  LiveFrame,
  MissionFrame,
  Signal,
  Swarm,
  SwarmFrame,
  Task,
  TaskFrame,
} from "./work-frames.ts";

export type {
  Instance,
  InstanceFrame,
  LogEntry,
  LogFrame,
  MessageEvent,
  MessageFrame,
  RunEvent,
  RunFrame,
} from "./fleet-frames.ts";
export type { AnyFrame, Counted, Maybe, Resumed, SnapshotReason, Told } from "./frame.ts";
export type {
  ActiveTool,
  CrewStatus,
  ExecutionStep,
  Fragment,
  GraphFrame,
  LiveFrame,
  MissionFrame,
  Signal,
  Swarm,
  SwarmFrame,
  SwarmMember,
  Task,
  TaskFrame,
  TaskUpdate,
  ToolEnd,
  ToolProgress,
  ToolStart,
} from "./work-frames.ts";

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
