import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { GraphFrame, MessageEvent, RunEvent, ToolEnd, ToolStart } from "../../src/client/index.ts";
import { endingOf, fromActive, hear, restMs, silence, stateOf } from "../../src/dashboard/graph/activity.ts";
import { picture } from "../../src/dashboard/graph/layout.ts";
import { sequence } from "../../src/dashboard/messages/sequence.ts";
import { ticks } from "../../src/dashboard/runs/axis.ts";
import { durationText } from "../../src/dashboard/runs/duration.ts";
import { timeline } from "../../src/dashboard/runs/timeline.ts";

const began = Date.parse("2026-02-20T01:00:00Z");
const at = (seconds: number) => new Date(began + seconds * 1000).toISOString();

describe("A sequence diagram", () => {
  const told = (event: MessageEvent["event"], seconds: number, more: Partial<MessageEvent> = {}): MessageEvent => ({
    ...{ message_id: "m1", event, from: "a", to: "b", message_type: "t", detail: null, timestamp: at(seconds) },
    ...more,
  });

  test("draws a message, its arrival, its further deliveries and its answer, with the receiver at work between", () => {
    const events = [told("sent", 0), told("delivered", 1), told("delivered", 31), told("acknowledged", 32)];
    const { lifelines, steps, activations } = sequence(events);
    expect(lifelines.map(({ agent }) => agent)).toEqual(["a", "b"]);
    expect(steps.map(({ shape }) => shape)).toEqual(["message", "arrival", "retry", "answer"]);
    expect(steps.map(({ sinceMs }) => sinceMs)).toEqual([0, 1000, 31_000, 32_000]);
    expect(new Set(steps.map(({ outcome }) => outcome))).toEqual(new Set(["acknowledged"]));
    const [sent, arrival, , answer] = steps;
    expect([sent?.fromX, sent?.toX]).toEqual(lifelines.map(({ x }) => x));
    expect([answer?.toX, answer?.fromX]).toEqual(lifelines.map(({ x }) => x));
    expect(activations).toEqual([
      { messageId: "m1", x: lifelines[1]?.x, y: arrival?.y, height: (answer?.y ?? 0) - (arrival?.y ?? 0) },
    ]);
  });

  test("shows what never arrived as lost half-way, and what failed with its receiver there", () => {
    const lost = sequence([told("sent", 0), told("failed", 9)]).steps[1];
    expect(lost?.shape).toBe("loss");
    expect(lost?.fromX).toBe(((lost?.fromX ?? 0) + (lost?.toX ?? 0)) / 2);
    const { lifelines, steps } = sequence([told("sent", 0), told("delivered", 1), told("failed", 2)]);
    expect(lost?.fromX).toBeLessThan(lifelines[1]?.x ?? 0);
    expect(steps[2]?.fromX).toBe(lifelines[1]?.x);
  });

  const names = fc.constantFrom("a", "b", "c", "d");
  const events = fc.array(
    fc.record({
      message_id: fc.constantFrom("m1", "m2", "m3", "m4"),
      event: fc.constantFrom<MessageEvent["event"]>("sent", "delivered", "acknowledged", "failed"),
      from: names,
      to: names,
      message_type: fc.string(),
      detail: fc.constant(null),
      timestamp: fc.oneof(fc.nat(1e6).map(at), fc.constant("yesterday")),
    }),
    { maxLength: 30 },
  );

  test("has each event once, from top to bottom, and everything on it, whatever came", () => {
    const check = (all: MessageEvent[]) => {
      const { width, height, lifelines, steps, activations } = sequence(all);
      expect(steps.map(({ event }) => event)).toEqual(all);
      const rows = steps.map(({ y }) => y);
      expect(rows).toEqual([...new Set(rows)].sort((a, b) => a - b));
      const xs = [...lifelines, ...activations].map(({ x }) => x);
      for (const x of [...xs, ...steps.flatMap(({ fromX, toX }) => [fromX, toX])]) {
        expect(x).toBeGreaterThan(0);
        expect(x).toBeLessThan(width);
      }
      for (const y of [...rows, ...activations.map((one) => one.y + one.height)]) expect(y).toBeLessThan(height);
      for (const { event, fromX, toX, shape } of steps) {
        const ends = [event.from, event.to].map((name) => lifelines.find(({ agent }) => agent === name)?.x);
        if (shape === "message" || shape === "retry") expect([fromX, toX]).toEqual(ends);
        if (shape === "answer") expect([toX, fromX]).toEqual(ends);
      }
    };
    fc.assert(fc.property(events, check));
  });

  test("never draws two receipts at work over each other", () => {
    const check = (all: MessageEvent[]) => {
      const { activations } = sequence(all);
      const byPlace = Map.groupBy(activations, ({ x }) => x);
      for (const bars of byPlace.values()) {
        for (const [i, bar] of bars.entries()) {
          const before = bars[i - 1];
          if (before) expect(before.y + before.height).toBeLessThan(bar.y);
        }
      }
    };
    fc.assert(fc.property(events, check));
  });
});

describe("A timeline", () => {
  const run = (type: RunEvent["type"], seconds: number, more: Partial<RunEvent> = {}): RunEvent => ({
    ...{ type, run_id: "r1", timestamp: at(seconds) },
    ...more,
  });
  const ms = (seconds: number) => began + seconds * 1000;

  test("has a lane for the run, then its agents with their tasks below, and errors where they belong", () => {
    const events = [
      run("boot", 0, { name: "Nightly" }),
      run("agent_start", 1, { agent_id: "planner" }),
      run("agent_start", 2, { agent_id: "coder" }),
      run("task_start", 3, { task_id: "t1", agent_id: "planner", name: "Plan" }),
      run("error", 4, { task_id: "t1", message: "no plan" }),
      run("task_end", 5, { task_id: "t1", agent_id: "planner", status: "failed" }),
      run("task_start", 6, { task_id: "t2" }),
      run("error", 7, { message: "disk full" }),
    ];
    const { lanes, errors, outcome, fromMs, toMs } = timeline(events, ms(10));
    expect(lanes.map(({ key }) => key)).toEqual(["run", "agent:planner", "task:t1", "agent:coder", "task:t2"]);
    expect(lanes.map(({ label }) => label)).toEqual(["Nightly", "planner", "Plan", "coder", "t2"]);
    expect([fromMs, toMs, errors, outcome]).toEqual([ms(0), ms(10), 2, undefined]);
    const [, , plan] = lanes;
    expect(plan?.bars).toMatchObject([{ fromMs: ms(3), toMs: ms(5), tone: "bad", end: "told", status: "failed" }]);
    expect(plan?.marks).toMatchObject([{ atMs: ms(4), message: "no plan" }]);
    expect(lanes[0]?.marks).toMatchObject([{ atMs: ms(7), message: "disk full" }]);
    expect(lanes[1]?.bars).toMatchObject([{ end: "open", toMs: ms(10) }]);
  });

  test("ends with done: what was still under way is cut there, and says so", () => {
    const events = [
      run("boot", 0),
      run("agent_start", 1, { agent_id: "a" }),
      run("done", 5, { status: "failed", exit_code: 2 }),
    ];
    const { lanes, outcome, toMs } = timeline(events, ms(100));
    expect(outcome).toEqual({ status: "failed", tone: "bad", exitCode: 2, durationMs: 5000 });
    expect(toMs).toBe(ms(5));
    expect(lanes[1]?.bars).toMatchObject([{ end: "cut", toMs: ms(5) }]);
  });

  test("begins an end without a start as long before as it says", () => {
    const { lanes, fromMs } = timeline(
      [run("task_end", 10, { task_id: "t", duration_s: 4, status: "success" })],
      ms(11),
    );
    expect(fromMs).toBe(ms(6));
    expect(lanes[1]?.bars).toMatchObject([{ fromMs: ms(6), toMs: ms(10), tone: "good" }]);
  });

  const types = ["boot", "agent_start", "agent_end", "task_start", "task_end", "error", "done"] as const;
  const maybeId = fc.option(fc.constantFrom("a", "b", "c"), { nil: null });
  const events = fc.array(
    fc.record({
      type: fc.constantFrom(...types),
      run_id: fc.constant("r1"),
      timestamp: fc.oneof(fc.nat(5000).map(at), fc.constant("soon")),
      agent_id: maybeId,
      task_id: maybeId,
      duration_s: fc.option(fc.nat(100), { nil: null }),
    }),
    { maxLength: 40 },
  );

  test("keeps every bar and error on its axis, and each start and error once, whatever came", () => {
    const check = (all: RunEvent[], now: number) => {
      const { lanes, fromMs, toMs, errors } = timeline(all, ms(now));
      const bars = lanes.flatMap((lane) => lane.bars);
      for (const bar of bars) {
        expect(bar.fromMs).toBeGreaterThanOrEqual(fromMs);
        expect(bar.toMs).toBeGreaterThanOrEqual(bar.fromMs);
        expect(bar.toMs).toBeLessThanOrEqual(toMs);
      }
      const marks = lanes.flatMap((lane) => lane.marks);
      for (const { atMs } of marks) expect(atMs).toBeGreaterThanOrEqual(fromMs);
      expect(marks).toHaveLength(errors);
      const starts = all.filter(({ type }) => type.endsWith("_start")).length;
      expect(bars.length - 1).toBeGreaterThanOrEqual(starts);
      const keys = [...lanes.map(({ key }) => key), ...bars.map(({ key }) => `bar ${key}`)];
      expect(new Set(keys).size).toBe(keys.length);
    };
    fc.assert(fc.property(events, fc.nat(6000), check));
  });

  test("has ticks at round times, no more than asked for, from its beginning on", () => {
    expect(ticks(90_000, 8).map(({ label }) => label)).toEqual(["0", "15 s", "30 s", "45 s", "1:00", "1:15", "1:30"]);
    expect(ticks(1500, 5).map(({ label }) => label)).toEqual(["0", "500 ms", "1 s", "1.5 s"]);
    expect(ticks(5 * 3_600_000, 6).map(({ label }) => label)).toEqual(["0", "1 h", "2 h", "3 h", "4 h", "5 h"]);
    const check = (length: number, most: number) => {
      const all = ticks(length, most);
      expect(all.length).toBeGreaterThan(0);
      expect(all.length).toBeLessThanOrEqual(most);
      expect(all.at(-1)?.atMs).toBeLessThanOrEqual(length);
      expect(new Set(all.map(({ label }) => label)).size).toBe(all.length);
    };
    fc.assert(
      fc.property(
        fc.oneof(fc.nat(100_000), fc.nat(2 ** 31), fc.integer({ min: 0, max: 1e13 })),
        fc.integer({ min: 2, max: 20 }),
        check,
      ),
    );
  });

  test("says how long something took in few words", () => {
    const said = [0, 840, 2345, 9949, 9950, 59_400, 245_000, 12_000_000, 260_000_000].map(durationText);
    expect(said).toEqual(["0 ms", "840 ms", "2.3 s", "9.9 s", "10 s", "59 s", "4 min 05 s", "3 h 20 min", "3 days"]);
  });
});

describe("An agent graph", () => {
  const call = (tool: string, more: Partial<ToolStart> = {}) => ({ crew_id: "c1", tool, agent_id: "orion", ...more });
  const start = (tool: string, more: Partial<ToolStart> = {}): ToolStart => ({
    ...{ type: "tool_start", timestamp: at(0), ...call(tool, more) },
  });
  const end = (tool: string, more: Partial<ToolEnd> = {}): ToolEnd => ({
    ...{ type: "tool_end", timestamp: at(2), crew_id: "c1", tool, status: "success" },
    ...more,
  });
  const states = (frames: readonly GraphFrame[], nowMs = began) => {
    const activity = frames.reduce((known, frame) => hear(known, frame, began), silence);
    return [...activity.agents.values()].map((agent) => [agent.name, stateOf(agent, activity.calls, nowMs)]);
  };

  test("shows an agent typing while it uses a tool, then done or in error, and idle a minute later", () => {
    expect(states([start("pytest")])).toEqual([["orion", "typing"]]);
    expect(states([start("pytest"), end("pytest")])).toEqual([["orion", "done"]]);
    expect(states([start("pytest"), end("pytest", { status: "error" })])).toEqual([["orion", "error"]]);
    expect(states([start("pytest"), end("pytest")], began + restMs)).toEqual([["orion", "idle"]]);
    expect(states([start("git", { call_id: "1" }), start("pytest"), end("pytest")])).toEqual([["orion", "typing"]]);
  });

  test("knows whose tool ended, and how long it took, when the end does not say so", () => {
    const activity = fromActive([{ start: start("pytest", { call_id: "k1" }) }]);
    const ending = endingOf(activity, end("pytest", { call_id: "k1" }), began);
    expect(ending).toMatchObject({ agent: "orion", tool: "pytest", durationMs: 2000 });
    expect(endingOf(activity, end("other"), began)).toMatchObject({ agent: undefined, durationMs: undefined });
  });

  const frames = fc.array(
    fc.record({
      type: fc.constantFrom("tool_start" as const, "tool_progress" as const, "tool_end" as const),
      timestamp: fc.constant(at(0)),
      crew_id: fc.constantFrom("c1", "c2"),
      agent_id: fc.option(fc.constantFrom("orion", "vega", "__proto__"), { nil: null }),
      call_id: fc.option(fc.constantFrom("1", "2", "3"), { nil: null }),
      tool: fc.constantFrom("pytest", "git"),
      status: fc.constantFrom("success" as const, "error" as const),
    }),
    { maxLength: 30 },
  );

  test("draws every agent and tool once, no box over another, every line from the right box, whatever was heard", () => {
    const check = (heard: GraphFrame[]) => {
      const activity = heard.reduce((known, frame) => hear(known, frame, began), silence);
      const { nodes, edges, width, height } = picture(activity, { crew: undefined, nowMs: began });
      expect(nodes.filter(({ shown }) => shown.kind === "agent")).toHaveLength(activity.agents.size);
      expect(nodes.filter(({ shown }) => shown.kind === "tool")).toHaveLength(activity.calls.size);
      expect(edges).toHaveLength(activity.agents.size + activity.calls.size);
      expect(new Set(nodes.map(({ id }) => id)).size).toBe(nodes.length);
      for (const [i, a] of nodes.entries()) {
        expect(a.x).toBeGreaterThanOrEqual(0);
        expect(a.y).toBeGreaterThanOrEqual(0);
        expect(a.x + a.width).toBeLessThanOrEqual(width);
        expect(a.y + a.height).toBeLessThanOrEqual(height);
        for (const b of nodes.slice(i + 1)) {
          const apart = a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
          expect(apart).toBe(true);
        }
      }
    };
    fc.assert(fc.property(frames, check), { numRuns: 50 });
  });

  test("of one crew has nothing of others", () => {
    const activity = [start("git"), start("pytest", { crew_id: "c2" })].reduce(
      (known, one) => hear(known, one, 0),
      silence,
    );
    const { nodes } = picture(activity, { crew: "c2", nowMs: began });
    expect(nodes.map(({ shown }) => shown.kind)).toEqual(["crew", "agent", "tool"]);
    expect(JSON.stringify(nodes)).not.toContain('"c1"');
  });
});
