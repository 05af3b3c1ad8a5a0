import type { MessageEvent } from "../../client/frames.ts";

/** How an event is drawn: an arrow between two lifelines, or a mark at one. */
export type Shape = "message" | "retry" | "answer" | "arrival" | "loss";

/** One agent of the chain, as a line downwards. */
export interface Lifeline {
  readonly agent: string;
  readonly x: number;
}

/** One event of the chain, on a row of its own. */
export interface Step {
  readonly event: MessageEvent;
  readonly shape: Shape;
  /** What has become of its message by the end of the chain. */
  readonly outcome: MessageEvent["event"];
  readonly y: number;
  /** Where an arrow begins; of a mark, where it is. */
  readonly fromX: number;
  /** Where an arrow ends; the same as `fromX` for a mark, and for an agent that writes to itself. */
  readonly toX: number;
  /** Milliseconds since the first event of the chain; undefined when a timestamp is none. */
  readonly sinceMs: number | undefined;
}

/** A receiver at work: from a delivery until it is said what became of the message. */
export interface Activation {
  readonly messageId: string;
  readonly x: number;
  readonly y: number;
  readonly height: number;
}

/** A sequence diagram, in pixels. */
export interface Sequence {
  readonly width: number;
  readonly height: number;
  readonly lifelines: readonly Lifeline[];
  readonly steps: readonly Step[];
  readonly activations: readonly Activation[];
}

const left = 170;
const right = 190;
/** From one lifeline to the next. */
export const laneWidth = 190;
const top = 54;
const bottom = 28;
/** How far the bars of one agent at work on several messages stand apart. */
const barStep = 6;

/** What a row needs above it: an arrow has its label there. */
const rowHeights: Readonly<Record<Shape, number>> = { message: 44, retry: 40, answer: 40, arrival: 26, loss: 30 };

/** Lays a chain of messages out: agents from left to right as they appear, events from top to bottom as they came. */
export function sequence(events: readonly MessageEvent[]): Sequence {
  const lifelines = lifelinesOf(events);
  const xOf = new Map(lifelines.map(({ agent, x }) => [agent, x]));
  const steps = stepsOf(events, (agent) => xOf.get(agent) ?? left);
  const height = (steps.at(-1)?.y ?? top) + bottom;
  const width = left + Math.max(0, lifelines.length - 1) * laneWidth + right;
  return { width, height, lifelines, steps, activations: activationsOf(steps, height - bottom / 2) };
}

function lifelinesOf(events: readonly MessageEvent[]): Lifeline[] {
  const agents = new Set(events.flatMap(({ from, to }) => [from, to]));
  return [...agents].map((agent, i) => ({ agent, x: left + i * laneWidth }));
}

function stepsOf(events: readonly MessageEvent[], xOf: (agent: string) => number): Step[] {
  const outcomes = new Map(events.map(({ message_id, event }) => [message_id, event]));
  const seen = new Map<string, Set<string>>();
  const beganMs = Date.parse(events[0]?.timestamp ?? "");
  let y = top;
  return events.map((event) => {
    const before = seen.get(event.message_id) ?? new Set();
    seen.set(event.message_id, new Set([...before, event.event]));
    const shape = shapeOf(event, before);
    y += rowHeights[shape];
    const outcome = outcomes.get(event.message_id) ?? event.event;
    const sinceMs = Date.parse(event.timestamp) - beganMs;
    const place = placeOf(shape, { from: xOf(event.from), to: xOf(event.to), isDelivered: before.has("delivered") });
    return { event, shape, outcome, y, ...place, sinceMs: Number.isNaN(sinceMs) ? undefined : sinceMs };
  });
}

/** A message whose beginning is not known any more gets its arrow from the first that is known of it. */
function shapeOf({ event }: MessageEvent, before: ReadonlySet<string>): Shape {
  if (event === "acknowledged") return "answer";
  if (event === "failed") return "loss";
  if (event === "sent") return before.has("sent") ? "retry" : "message";
  if (before.has("delivered")) return "retry";
  return before.has("sent") ? "arrival" : "message";
}

interface Ends {
  readonly from: number;
  readonly to: number;
  readonly isDelivered: boolean;
}

/** What fails without having arrived is lost half-way. */
function placeOf(shape: Shape, { from, to, isDelivered }: Ends): { fromX: number; toX: number } {
  if (shape === "answer") return { fromX: to, toX: from };
  if (shape === "message" || shape === "retry") return { fromX: from, toX: to };
  const x = shape === "arrival" || isDelivered ? to : (from + to) / 2;
  return { fromX: x, toX: x };
}

interface Work {
  readonly messageId: string;
  readonly x: number;
  readonly y: number;
  readonly endY: number;
}

function activationsOf(steps: readonly Step[], endY: number): Activation[] {
  const lanes = new Map<number, Work[][]>();
  return worksOf(steps, endY).map((work) => {
    const taken = lanes.get(work.x) ?? [];
    lanes.set(work.x, taken);
    const free = taken.findIndex((lane) => (lane.at(-1)?.endY ?? 0) < work.y);
    const lane = free === -1 ? taken.length : free;
    taken[lane] = [...(taken[lane] ?? []), work];
    return { messageId: work.messageId, x: work.x + lane * barStep, y: work.y, height: work.endY - work.y };
  });
}

/** From the first delivery of each message to the event that ends it, or to the end of the diagram. */
function worksOf(steps: readonly Step[], endY: number): Work[] {
  const over = new Map<string, number>();
  for (const { event, y } of steps) {
    if (event.event === "acknowledged" || event.event === "failed") over.set(event.message_id, y);
  }
  const begun = new Set<string>();
  return steps.flatMap(({ event, y, toX }) => {
    if (event.event !== "delivered" || begun.has(event.message_id)) return [];
    begun.add(event.message_id);
    const end = over.get(event.message_id) ?? endY;
    return end > y ? [{ messageId: event.message_id, x: toX, y, endY: end }] : [];
  });
}
