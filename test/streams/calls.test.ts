import { expect, test } from "vitest";
import { Calls } from "../../src/streams/calls.ts";
import type { ToolEvent } from "../../src/streams/tool-event.ts";

const place = { timestamp: "2026-11-29T00:00:00Z", crew_id: "c", tool: "t" };
const start = (fields: object) => ({ ...place, type: "tool_start", ...fields }) as ToolEvent;
const end = (fields: object) => ({ ...place, type: "tool_end", status: "success", ...fields }) as ToolEvent;

function active(events: readonly ToolEvent[]): unknown[] {
  const calls = new Calls();
  for (const event of events) calls.add(event);
  const [snapshot] = calls.snapshot(() => true);
  return snapshot?.active as unknown[];
}

test("An end without a name ends the oldest call of its tool that it may be meant for", () => {
  const calls = [
    start({ call_id: "1", agent_id: "a" }),
    start({ call_id: "2" }),
    start({ call_id: "3", agent_id: "b" }),
    start({ call_id: "4", agent_id: "b", run_id: "r" }),
  ];
  const left = (...ends: ToolEvent[]) =>
    active([...calls, ...ends]).map((call) => (call as { call_id: string }).call_id);
  expect(left(end({}))).toEqual(["2", "3", "4"]);
  expect(left(end({ agent_id: "b" }))).toEqual(["1", "3", "4"]);
  expect(left(end({ agent_id: "b" }), end({ agent_id: "b", run_id: "q" }))).toEqual(["1", "4"]);
  expect(left(end({ agent_id: "none" }), end({ agent_id: "none" }))).toEqual(["1", "3", "4"]);
  expect(left(end({ tool: "other" }))).toEqual(["1", "2", "3", "4"]);
});

test("Ends that fit none of many calls look at few of them", () => {
  const calls = Array.from({ length: 10_000 }, (_, i) => start({ call_id: `${i}`, agent_id: "a", run_id: `r${i}` }));
  const astray = Array.from({ length: 20_000 }, () => end({ agent_id: "a", run_id: "none" }));
  let looks = 0;
  const counted = calls.map((call) =>
    Object.defineProperty({ ...call }, "run_id", {
      enumerable: true,
      get: () => {
        looks += 1;
        return (call as { run_id: string }).run_id;
      },
    }),
  );
  expect(active([...counted, ...astray])).toHaveLength(10_000);
  expect(looks / astray.length).toBeLessThan(1_000);
});
