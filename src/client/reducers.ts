import type { Instance, InstanceFrame, LogEntry, LogFrame, MessageFrame } from "./fleet-frames.ts";
import type { AnyFrame } from "./frame.ts";
import { isBeginning } from "./link.ts";
import type {
  ActiveTool,
  GraphFrame,
  MissionFrame,
  Signal,
  Swarm,
  SwarmMember,
  Task,
  TaskFrame,
  ToolEnd,
  ToolProgress,
  ToolStart,
} from "./work-frames.ts";

/** What the frames of one stream come to: changed in place, and copied when somebody looks. */
export interface Reducer {
  /** Takes a frame that may change something. */
  take(frame: AnyFrame): void;
  /** The state now; never changed afterwards. */
  read(): unknown;
  /** Goes on from a state that another one has read. */
  adopt(state: unknown): void;
}

/** Makes the reducer of a stream, of which a list keeps so much. */
type Make = (keep: number) => Reducer;

/** A list of what its frames hold, the newest. */
function list<Frame>(entriesOf: (frame: Frame) => readonly unknown[]): Make {
  return (keep) => {
    let all: unknown[] = [];
    const newest = () => all.slice(Math.max(0, all.length - keep));
    return {
      take(frame) {
        if (isBeginning(frame)) all = [];
        for (const one of entriesOf(frame as unknown as Frame)) all.push(one);
        if (all.length > 2 * keep) all = newest();
      },
      read: newest,
      adopt: (state) => {
        all = [...(state as unknown[])];
      },
    };
  };
}

/** Rows by their key. The oldest of more than `keep` are forgotten when the rows come without end. */
function rows<Frame, Row>(change: (rows: Map<string, Row>, frame: Frame) => void, isEndless?: "endless"): Make {
  return (keep) => {
    let all = new Map<string, Row>();
    return {
      take(frame) {
        if (isBeginning(frame)) all.clear();
        change(all, frame as unknown as Frame);
        const [oldest] = all.keys();
        if (isEndless && all.size > keep && oldest !== undefined) all.delete(oldest);
      },
      read: () => new Map(all),
      adopt: (state) => {
        all = new Map(state as Map<string, Row>);
      },
    };
  };
}

/** The fleet. Of an instance that is archived the row stays only where archived ones are shown. */
function instances(): Reducer {
  let showsArchived = false;
  const change = (all: Map<string, Instance>, frame: InstanceFrame) => {
    if (frame.type === "resumed") return;
    if (frame.type === "snapshot") {
      showsArchived = frame.include_archived;
      for (const row of frame.instances) all.set(row.name, row);
      return;
    }
    const { type, timestamp, cursor, ...fields } = frame;
    const { name } = fields;
    const row = all.get(name);
    const isWhole = type === "instance_created" || type === "instance_unarchived";
    if (type === "instance_deleted" || (type === "instance_archived" && !showsArchived)) all.delete(name);
    else if (isWhole || row) all.set(name, { ...row, ...fields } as Instance);
  };
  const { adopt, ...rest } = rows(change)(0);
  const adoptAll = (state: unknown) => {
    for (const { archived_at } of (state as ReadonlyMap<string, Instance>).values())
      showsArchived ||= archived_at !== null;
    adopt(state);
  };
  return { ...rest, adopt: adoptAll };
}

function entriesOf(frame: LogFrame): readonly LogEntry[] {
  if (frame.type === "resumed") return [];
  if (frame.type === "rotated") return [{ kind: "rotated", reason: frame.reason, timestamp: frame.timestamp }];
  if (frame.type === "gap") return [{ kind: "gap", from: frame.from, to: frame.to, reason: frame.reason }];
  return frame.lines.map((text) => ({ kind: "line", text }));
}

function changeSignals(all: Map<string, Signal>, frame: MissionFrame): void {
  if (frame.type === "signal") all.set(frame.payload.crewId, frame.payload);
}

function keyOf({ call_id, crew_id, run_id, agent_id, tool }: ToolStart | ToolProgress | ToolEnd): string {
  return JSON.stringify(call_id == null ? [crew_id, run_id, agent_id, tool] : [crew_id, call_id]);
}

/** What does not name its call is of the oldest call of its tool that it may be meant for. */
function callOf(all: Map<string, ActiveTool>, event: ToolProgress | ToolEnd): string | undefined {
  if (event.call_id != null) return keyOf(event);
  const agrees = (one: unknown, other: unknown) => one == null || other == null || one === other;
  for (const [key, { start }] of all)
    if (
      event.crew_id === start.crew_id &&
      event.tool === start.tool &&
      agrees(event.run_id, start.run_id) &&
      agrees(event.agent_id, start.agent_id)
    )
      return key;
  return undefined;
}

function changeTools(all: Map<string, ActiveTool>, frame: GraphFrame): void {
  if (frame.type === "snapshot") for (const start of frame.active) all.set(keyOf(start), { start });
  else if (frame.type === "tool_start") {
    all.delete(keyOf(frame));
    all.set(keyOf(frame), { start: frame });
  } else if (frame.type === "tool_progress" || frame.type === "tool_end") {
    const key = callOf(all, frame) ?? "";
    const tool = all.get(key);
    if (frame.type === "tool_end") all.delete(key);
    else if (tool) all.set(key, { ...tool, progress: frame });
  }
}

function changeTasks(all: Map<string, Task>, frame: TaskFrame): void {
  if (frame.type !== "task_update" && frame.type !== "execution_step") return;
  const { task_id } = frame;
  const task = all.get(task_id) ?? { task_id, update: undefined, steps: new Map() };
  const news =
    frame.type === "task_update"
      ? { update: frame.data }
      : { steps: new Map(task.steps).set(frame.data.step_id, frame.data) };
  all.set(task_id, { ...task, ...news });
}

/** The agents or the tasks of a swarm. */
function members(list: "agents" | "tasks", id: "agent_id" | "task_id", changed: string): Reducer {
  const change = (all: Map<unknown, SwarmMember>, frame: AnyFrame) => {
    const news =
      frame.type === "snapshot" ? (frame[list] as readonly AnyFrame[]) : frame.type === changed ? [frame] : [];
    for (const { [id]: key, type, timestamp, cursor, ...member } of news) {
      if (member.status === null) all.delete(key);
      else all.set(key, member as SwarmMember);
    }
  };
  return rows(change)(0);
}

function swarm(): Reducer {
  const agents = members("agents", "agent_id", "agent_status_changed");
  const tasks = members("tasks", "task_id", "task_status_changed");
  return {
    take(frame) {
      agents.take(frame);
      tasks.take(frame);
    },
    read: () => ({ agents: agents.read(), tasks: tasks.read() }),
    adopt(state) {
      agents.adopt((state as Swarm).agents);
      tasks.adopt((state as Swarm).tasks);
    },
  };
}

function eventsOf(frame: MessageFrame): readonly unknown[] {
  if (frame.type === "snapshot") return frame.recent_events;
  const { type, cursor, ...event } = frame;
  return [event];
}

function itself(frame: AnyFrame): readonly AnyFrame[] {
  return isBeginning(frame) ? [] : [frame];
}

const own: Make = list((frame: AnyFrame) => [frame]);

/** The reducer of each kind of stream, by its path; and whether its snapshot only counts the frames that follow. */
const kinds: readonly (readonly [path: RegExp, make: Make, isCounted?: "counted"])[] = [
  [/^instances$/, instances],
  [/^instances\/[^/]+\/logs$/, list(entriesOf)],
  [/^messages$/, list(eventsOf)],
  [/^(runs|live)\/./, list(itself), "counted"],
  [/^mission$/, rows(changeSignals), "counted"],
  [/^graph$/, rows(changeTools)],
  [/^tasks\/./, rows(changeTasks, "endless")],
  [/^swarm$/, swarm],
];

interface Kind {
  readonly reducer: Reducer;
  readonly isCounted: boolean;
}

/** What makes the state of the stream of that name; of a stream that nobody knows, its newest frames. */
export function kindOf(name: string, keep: number): Kind {
  const path = name.replace(/\?.*/s, "");
  const [, make, isCounted] = kinds.find(([pattern]) => pattern.test(path)) ?? [path, own];
  return { reducer: make(keep), isCounted: isCounted !== undefined };
}

/** What makes the state as the program itself says. */
export function reducerOf(reduce: (state: unknown, frame: AnyFrame) => unknown): Reducer {
  let state: unknown;
  return {
    take(frame) {
      state = reduce(state, frame);
    },
    read: () => state,
    adopt: (other) => {
      state = other;
    },
  };
}
