import type { Instance, InstanceFrame, LogEntry, LogFrame, MessageFrame } from "./fleet-frames.ts";
import type { AnyFrame, Resumed } from "./frame.ts";
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
      adopt(state) {
        all = [...(state as unknown[])];
      },
    };
  };
}

/** What a frame makes of some rows: each key with its row, or with nothing when it is no more. */
type Changes<Row> = readonly (readonly [key: unknown, row?: Row | undefined])[];

/** Rows by their key, in the order in which they came. */
function rows<Frame, Row>(
  changesOf: (frame: Frame, all: ReadonlyMap<unknown, Row>) => Changes<Row>,
  isEndless?: "endless",
): Make {
  return (keep) => {
    let all = new Map<unknown, Row>();
    return {
      take(frame) {
        if (isBeginning(frame)) all.clear();
        for (const [key, row] of changesOf(frame as unknown as Frame, all)) {
          if (row) all.set(key, row);
          else all.delete(key);
        }
        // Of rows that come without end the oldest are forgotten.
        for (const key of all.keys()) if (!isEndless || all.size <= keep || !all.delete(key)) break;
      },
      read: () => new Map(all),
      adopt(state) {
        all = new Map(state as typeof all);
      },
    };
  };
}

/** The fleet. Of an instance that is archived the row stays only where archived ones are shown. */
const instances: Make = (keep) => {
  let showsArchived = false;
  const changesOf = (
    frame: Exclude<InstanceFrame, Resumed>,
    all: ReadonlyMap<unknown, Instance>,
  ): Changes<Instance> => {
    if (frame.type === "snapshot") {
      showsArchived = frame.include_archived;
      return frame.instances.map((row) => [row.name, row]);
    }
    const { type, timestamp, cursor, ...fields } = frame;
    const row = all.get(fields.name);
    const isWhole = /created|unarch/.test(type);
    // Whoever went on from another's state finds out by what is in it.
    showsArchived ||= [...all.values()].some(({ archived_at }) => archived_at);
    const isGone = /deleted/.test(type) || (type === "instance_archived" && !showsArchived);
    if (isGone) return [[fields.name]];
    return isWhole || row ? [[fields.name, { ...row, ...fields } as Instance]] : [];
  };
  return rows(changesOf)(keep);
};

function entriesOf(frame: LogFrame): readonly LogEntry[] {
  if (frame.type === "backlog" || frame.type === "lines") return frame.lines.map((text) => ({ kind: "line", text }));
  const { type: kind, cursor, ...rest } = frame;
  return [{ kind, ...rest } as LogEntry];
}

function eventsOf(frame: MessageFrame): readonly unknown[] {
  if (frame.type === "snapshot") return frame.recent_events;
  const { type, cursor, ...event } = frame;
  return [event];
}

function itself(frame: AnyFrame): readonly AnyFrame[] {
  return isBeginning(frame) ? [] : [frame];
}

function signals(frame: MissionFrame): Changes<Signal> {
  return frame.type === "signal" ? [[frame.payload.crewId, frame.payload]] : [];
}

function keyOf({ call_id, crew_id, run_id, agent_id, tool }: ToolStart | ToolProgress | ToolEnd): string {
  return JSON.stringify(call_id == null ? [crew_id, run_id, agent_id, tool] : [crew_id, call_id]);
}

/** Whether an event that names no call may mean this one. */
function mayMean(event: ToolProgress | ToolEnd, start: ToolStart): boolean {
  const fields = ["run_id", "agent_id"] as const;
  const agrees = fields.every((field) => event[field] == null || start[field] == null || event[field] === start[field]);
  return agrees && event.crew_id === start.crew_id && event.tool === start.tool;
}

function tools(frame: GraphFrame, all: ReadonlyMap<unknown, ActiveTool>): Changes<ActiveTool> {
  if (frame.type === "snapshot") return frame.active.map((start) => [keyOf(start), { start }]);
  // A tool that begins anew is the newest.
  if (frame.type === "tool_start") return [[keyOf(frame)], [keyOf(frame), { start: frame }]];
  if (frame.type !== "tool_progress" && frame.type !== "tool_end") return [];
  const key = frame.call_id == null ? [...all].find(([, { start }]) => mayMean(frame, start))?.[0] : keyOf(frame);
  const tool = all.get(key);
  return tool ? [[key, frame.type === "tool_end" ? undefined : { ...tool, progress: frame }]] : [];
}

function tasks(frame: TaskFrame, all: ReadonlyMap<unknown, Task>): Changes<Task> {
  if (frame.type !== "task_update" && frame.type !== "execution_step") return [];
  const { task_id } = frame;
  const task = all.get(task_id) ?? { task_id, update: undefined, steps: new Map() };
  if (frame.type === "task_update") return [[task_id, { ...task, update: frame.data }]];
  return [[task_id, { ...task, steps: new Map(task.steps).set(frame.data.step_id, frame.data) }]];
}

/** The agents or the tasks of a swarm. */
function members(list: string, id: string): Reducer {
  const changesOf = (frame: AnyFrame): Changes<SwarmMember> => {
    const news = frame.type === "snapshot" ? (frame[list] as readonly AnyFrame[]) : id in frame ? [frame] : [];
    return news.map(({ [id]: key, type, timestamp, cursor, ...member }) => [
      key,
      member.status === null ? undefined : (member as SwarmMember),
    ]);
  };
  return rows(changesOf)(0);
}

function swarm(): Reducer {
  const agents = members("agents", "agent_id");
  const tasks = members("tasks", "task_id");
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

const own: Make = list((frame: AnyFrame) => [frame]);

/** The reducer of each kind of stream, by its path; and whether its snapshot only counts the frames that follow. */
const kinds: readonly (readonly [path: RegExp, make: Make, isCounted?: 1])[] = [
  [/^instances$/, instances],
  [/^instances\/[^/]+\/logs$/, list(entriesOf)],
  [/^messages$/, list(eventsOf)],
  [/^(runs|live)\/./, list(itself), 1],
  [/^mission$/, rows(signals), 1],
  [/^graph$/, rows(tools)],
  [/^tasks\/./, rows(tasks, "endless")],
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
  return { reducer: make(keep), isCounted: !!isCounted };
}

/** What makes the state as the program itself says. */
export function reducerOf(reduce: (state: unknown, frame: AnyFrame) => unknown): Reducer {
  let state: unknown;
  return {
    take(frame) {
      state = reduce(state, frame);
    },
    read: () => state,
    adopt(other) {
      state = other;
    },
  };
}
