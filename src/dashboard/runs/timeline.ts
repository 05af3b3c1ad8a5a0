import type { RunEvent } from "../../client/frames.ts";
import { type Tone, toneOf } from "../tone.ts";

/** Something that took, or still takes, its time. */
export interface Bar {
  readonly key: string;
  readonly kind: LaneKind;
  readonly label: string;
  /** Milliseconds since 1970. */
  readonly fromMs: number;
  /** Milliseconds since 1970; where it has got to, for what is under way. */
  readonly toMs: number;
  /** `open`: under way. `cut`: the run was done before its end was told. */
  readonly end: "open" | "told" | "cut";
  readonly tone: Tone;
  readonly status: string | undefined;
  readonly agent: string | undefined;
}

/** An error, at its time. */
export interface Mark {
  readonly key: string;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly message: string;
}

/** What a lane is about; tasks stand below their agents. */
export type LaneKind = "run" | "agent" | "task";

/** A row of the timeline. */
export interface Lane {
  readonly key: string;
  readonly kind: LaneKind;
  readonly label: string;
  readonly bars: readonly Bar[];
  readonly marks: readonly Mark[];
}

/** A run on a time axis. */
export interface Timeline {
  readonly fromMs: number;
  readonly toMs: number;
  readonly lanes: readonly Lane[];
  readonly errors: number;
  /** How it ended; undefined while it is under way. */
  readonly outcome: Outcome | undefined;
}

/** How a run ended. */
export interface Outcome {
  readonly status: string;
  readonly tone: Tone;
  readonly exitCode: number | undefined;
  readonly durationMs: number;
}

/** A bar while it is being made. */
interface Draft {
  readonly lane: string;
  readonly bar: Omit<Bar, "toMs" | "end" | "tone" | "status">;
  toMs: number | undefined;
  status: string | undefined;
}

interface Timed {
  readonly event: RunEvent;
  readonly atMs: number;
}

/**
 * Lays the events of one run out on a time axis. What has no end yet reaches to `nowMs`, or to the end of the run.
 *
 * An end without a start begins its `duration_s` earlier. A timestamp that is none counts as that of the event before.
 */
export function timeline(events: readonly RunEvent[], nowMs: number): Timeline {
  const timed = timesOf(events);
  const drafts = draftsOf(timed);
  const done = timed.find(({ event }) => event.type === "done");
  const known = [...timed.map(({ atMs }) => atMs), ...drafts.map(({ bar }) => bar.fromMs)];
  const fromMs = known.length === 0 ? nowMs : known.reduce((least, ms) => Math.min(least, ms));
  const lastMs = known.reduce((most, ms) => Math.max(most, ms), fromMs);
  const endMs = done?.atMs ?? Math.max(lastMs, nowMs);
  const outcome = done && outcomeOf(done, fromMs);
  const run = runLane(events, { fromMs, toMs: endMs, outcome });
  const lanes = [run, ...lanesOf(drafts, { endMs, isDone: done !== undefined })];
  const marked = withMarks(lanes, timed);
  const errors = timed.filter(({ event }) => event.type === "error").length;
  return { fromMs, toMs: Math.max(endMs, lastMs), lanes: marked, errors, outcome };
}

function timesOf(events: readonly RunEvent[]): Timed[] {
  const first = events.map(({ timestamp }) => Date.parse(timestamp)).find((ms) => !Number.isNaN(ms));
  let last = first ?? 0;
  return events.map((event) => {
    const ms = Date.parse(event.timestamp);
    if (!Number.isNaN(ms)) last = ms;
    return { event, atMs: last };
  });
}

function outcomeOf({ event, atMs }: Timed, fromMs: number): Outcome {
  const exitCode = event.exit_code ?? undefined;
  const status = event.status ?? (exitCode === undefined || exitCode === 0 ? "done" : "failed");
  const told = toneOf(status);
  const tone = exitCode !== undefined && exitCode !== 0 ? "bad" : told;
  const durationMs = event.duration_s == null ? atMs - fromMs : event.duration_s * 1000;
  return { status, tone, exitCode, durationMs };
}

const runKey = "run";
const laneKey = (kind: LaneKind, id: string) => `${kind}:${id}`;

function runLane(
  events: readonly RunEvent[],
  { fromMs, toMs, outcome }: { fromMs: number; toMs: number; outcome: Outcome | undefined },
): Lane {
  const boot = events.find(({ type }) => type === "boot");
  const label = boot?.name ?? events[0]?.run_id ?? "run";
  const end = outcome ? "told" : "open";
  const tone = outcome?.tone ?? "busy";
  const bar = {
    key: runKey,
    kind: "run",
    label,
    fromMs,
    toMs,
    end,
    tone,
    status: outcome?.status,
    agent: undefined,
  } as const;
  return { key: runKey, kind: "run", label, bars: [bar], marks: [] };
}

function draftsOf(timed: readonly Timed[]): Draft[] {
  const drafts: Draft[] = [];
  const open = new Map<string, Draft[]>();
  for (const { event, atMs } of timed) {
    const kind = event.type.startsWith("agent_") ? "agent" : "task";
    const isEnd = event.type === "agent_end" || event.type === "task_end";
    if (!isEnd && event.type !== "agent_start" && event.type !== "task_start") continue;
    const waiting = open.get(laneKey(kind, idOf(event, kind))) ?? [];
    // The oldest of that name that has no end; an end whose start is not known makes one.
    const known = isEnd ? waiting.shift() : undefined;
    const draft = known ?? draftOf(event, kind, isEnd ? atMs - (event.duration_s ?? 0) * 1000 : atMs);
    if (known === undefined) drafts.push(draft);
    if (isEnd) end(draft, { event, atMs });
    else waiting.push(draft);
    open.set(draft.lane, waiting);
  }
  return drafts;
}

function draftOf(event: RunEvent, kind: "agent" | "task", fromMs: number): Draft {
  const id = idOf(event, kind);
  const label = kind === "task" ? (event.name ?? id) : id;
  const agent = event.agent_id ?? undefined;
  const key = `${laneKey(kind, id)}@${fromMs}`;
  return { lane: laneKey(kind, id), bar: { key, kind, label, fromMs, agent }, toMs: undefined, status: undefined };
}

function idOf(event: RunEvent, kind: "agent" | "task"): string {
  return (kind === "agent" ? event.agent_id : event.task_id) ?? `unnamed ${kind}`;
}

function end(draft: Draft, { event, atMs }: Timed): void {
  draft.toMs = Math.max(atMs, draft.bar.fromMs);
  draft.status = event.status ?? "ended";
}

/** Agents as they appear, each with its tasks below it; then tasks of nobody in particular. */
function lanesOf(drafts: readonly Draft[], last: { readonly endMs: number; readonly isDone: boolean }): Lane[] {
  const byLane = Map.groupBy(drafts, ({ lane }) => lane);
  const lanes = [...byLane.values()].flatMap((group) => {
    const first = group[0];
    if (first === undefined) return [];
    const { kind, label } = first.bar;
    const bars = group.map((draft, i) => barOf(draft, { ...last, nth: i }));
    return [{ agent: first.bar.agent, lane: { key: first.lane, kind, label, bars, marks: [] } }];
  });
  const agents = lanes.filter(({ lane }) => lane.kind === "agent");
  const tasks = lanes.filter(({ lane }) => lane.kind === "task");
  const known = new Set(agents.map(({ agent }) => agent));
  const byAgent = Map.groupBy(tasks, ({ agent }) => agent);
  const ordered = agents.flatMap((one) => [one, ...(one.agent === undefined ? [] : (byAgent.get(one.agent) ?? []))]);
  const orphans = tasks.filter(({ agent }) => agent === undefined || !known.has(agent));
  return [...ordered, ...orphans].map(({ lane }) => lane);
}

function barOf(
  { bar, toMs, status }: Draft,
  { endMs, isDone, nth }: { readonly endMs: number; readonly isDone: boolean; readonly nth: number },
): Bar {
  const key = `${bar.key}#${nth}`;
  if (toMs !== undefined) return { ...bar, key, toMs, end: "told", tone: toneOfEnd(status), status };
  const until = Math.max(bar.fromMs, endMs);
  if (isDone) return { ...bar, key, toMs: until, end: "cut", tone: "unknown", status: undefined };
  return { ...bar, key, toMs: until, end: "open", tone: "busy", status: undefined };
}

/** An end that says no more is a good one. */
function toneOfEnd(status: string | undefined): Tone {
  return status === "ended" ? "good" : toneOf(status);
}

/** Each error in the lane of its task, or else of its agent, or else of the run. */
function withMarks(lanes: readonly Lane[], timed: readonly Timed[]): Lane[] {
  const keys = new Set(lanes.map(({ key }) => key));
  const marks = timed.flatMap(({ event, atMs }, i) => {
    if (event.type !== "error") return [];
    const wanted = [
      ...(event.task_id == null ? [] : [laneKey("task", event.task_id)]),
      ...(event.agent_id == null ? [] : [laneKey("agent", event.agent_id)]),
    ];
    const lane = wanted.find((key) => keys.has(key)) ?? runKey;
    return [{ lane, mark: { key: `error:${i}`, atMs, message: event.message ?? "error" } }];
  });
  const byLane = Map.groupBy(marks, ({ lane }) => lane);
  return lanes.map((lane) => ({ ...lane, marks: (byLane.get(lane.key) ?? []).map(({ mark }) => mark) }));
}

const dayMs = 24 * 60 * 60 * 1000;

/** The time of an event; undefined when its timestamp is none. */
export function timeOf(event: RunEvent | undefined): number | undefined {
  const ms = Date.parse(event?.timestamp ?? "");
  return Number.isNaN(ms) ? undefined : ms;
}

/**
 * How far a run under way has got: now. A run that was not heard for a day does not grow any more, and neither does
 * one from another clock that is behind by as much.
 */
export function reachMs(events: readonly RunEvent[], nowMs: number): number {
  const lastMs = events.reduce((last, event) => Math.max(last, timeOf(event) ?? 0), 0);
  return nowMs - lastMs > dayMs ? lastMs : Math.max(lastMs, nowMs);
}
