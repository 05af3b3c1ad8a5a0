import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Signal, Task } from "../../src/client/index.ts";
import { sightings } from "../../src/dashboard/crews/sightings.ts";
import { indented } from "../../src/dashboard/messages/indent.ts";
import { cut } from "../../src/dashboard/messages/narrative.ts";
import { fieldAfter } from "../../src/dashboard/runs/moves.ts";
import { recentRuns, rememberRun } from "../../src/dashboard/runs/recent-runs.ts";
import type { Lane } from "../../src/dashboard/runs/timeline.ts";
import { reachMs } from "../../src/dashboard/runs/timeline.ts";
import { groupsOf } from "../../src/dashboard/swarm/members.ts";
import { countsOf, standings } from "../../src/dashboard/tasks/standing.ts";
import { statusText, toneOf } from "../../src/dashboard/tone.ts";

describe("JSON for people", () => {
  test("has a field on each line, and every digit and every field that was sent", () => {
    const sent = '{"a":1.50,"a":12345678901234567890123,"b":[],"c":{"d":"{\\"x\\":1}","e":[true,null]}}';
    expect(indented(sent).split("\n")).toEqual([
      "{",
      '  "a": 1.50,',
      '  "a": 12345678901234567890123,',
      '  "b": [],',
      '  "c": {',
      '    "d": "{\\"x\\":1}",',
      '    "e": [',
      "      true,",
      "      null",
      "    ]",
      "  }",
      "}",
    ]);
  });

  test("says the same as before, for any JSON", () => {
    const check = (value: unknown) => {
      const json = JSON.stringify(value);
      expect(indented(json)).toBe(JSON.stringify(value, null, 2));
      expect(indented(JSON.stringify(value, null, 3))).toBe(indented(json));
    };
    fc.assert(fc.property(fc.jsonValue(), check));
  });
});

test("A text that is cut never takes more characters than it may, and is whole when it fits", () => {
  const check = (text: string, most: number) => {
    expect([...cut(text, most)].length).toBeLessThanOrEqual(most);
    if ([...text].length <= most) expect(cut(text, most)).toBe(text);
  };
  fc.assert(fc.property(fc.string({ unit: "binary" }), fc.integer({ min: 1, max: 20 }), check));
});

test("A crew is as it is since the page saw it become so, and longer when it was so before", () => {
  const signals = (status: Signal["status"], more: object = {}) =>
    new Map<string, Signal>([["c1", { crewId: "c1", status, ...more }]]);
  const first = sightings(undefined, signals("available"), 1000);
  expect(first.get("c1")).toMatchObject({ status: "available", sinceMs: 1000, isOlder: true });
  const same = sightings(first, signals("available", { load: 3, note: null }), 2000);
  expect(same.get("c1")).toMatchObject({ sinceMs: 1000, isOlder: true, facts: [["load", "3"]] });
  const changed = sightings(same, signals("busy"), 3000);
  expect(changed.get("c1")).toMatchObject({ status: "busy", sinceMs: 3000, isOlder: false });
  expect(sightings(changed, new Map(), 4000).size).toBe(0);
});

test("Tasks that are not over stand first, and of each kind the one that was heard last", () => {
  const task = (task_id: string, status: "QUEUED" | "COMPLETED" | "FAILED" | "IN_PROGRESS", second: number): Task => ({
    ...{ task_id, steps: new Map() },
    update: { status, timestamp: new Date(second * 1000).toISOString() },
  });
  const heard = [
    task("a", "COMPLETED", 9),
    task("b", "QUEUED", 1),
    task("c", "IN_PROGRESS", 5),
    task("d", "FAILED", 7),
  ];
  const all = standings(new Map(heard.map((one) => [one.task_id, one])));
  expect(all.map((one) => one.task)).toEqual(["c", "b", "a", "d"]);
  expect(all.map(({ percent }) => percent)).toEqual([undefined, undefined, 100, undefined]);
  expect(countsOf(all)).toEqual({ open: 2, done: 1, failed: 1 });
});

test("A swarm stands by status, what wants a look first, and has every member that is searched for once", () => {
  const statuses = ["idle", "busy", "error", "done", "sleeping", null] as const;
  const member = fc.record({ status: fc.constantFrom(...statuses), model: fc.constant("small") });
  const check = (members: Map<string, { status: string | null; model: string }>, search: string) => {
    const groups = groupsOf(members, search);
    const names = groups.flatMap((group) => group.members.map(({ name }) => name));
    expect(names.toSorted()).toEqual([...members.keys()].filter((name) => name.includes(search)).toSorted());
    const tones = groups.map(({ tone }) => tone);
    expect(tones).toEqual(tones.toSorted((a, b) => looks.indexOf(a) - looks.indexOf(b)));
  };
  const looks = ["bad", "busy", "unknown", "idle", "good"];
  const members = fc.array(fc.tuple(fc.string(), member)).map((all) => new Map(all));
  fc.assert(fc.property(members, fc.string({ maxLength: 1 }), check));
});

test("A status has the same tone however it is written, and a word of its own", () => {
  expect(["IN_PROGRESS", "in progress", "In-Progress"].map(toneOf)).toEqual(["busy", "busy", "busy"]);
  expect(["COMPLETED", "failed", "QUEUED", "odd", null].map(toneOf)).toEqual([
    "good",
    "bad",
    "idle",
    "unknown",
    "unknown",
  ]);
  expect(["IN_PROGRESS", "Half done", null].map(statusText)).toEqual(["in progress", "Half done", "unknown"]);
});

describe("The runs that a browser looked at", () => {
  const storage = (kept?: string) => {
    const all = new Map(kept === undefined ? [] : [["skein.runs", kept]]);
    return {
      getItem: (key: string) => all.get(key) ?? null,
      setItem: (key: string, text: string) => all.set(key, text),
    };
  };

  test("are remembered once each, the newest first, and no more than twelve", () => {
    const kept = storage();
    for (const id of ["a", "b", "a", ...Array.from({ length: 11 }, (_, i) => `r${i}`)]) rememberRun(id, kept);
    const ids = recentRuns(kept);
    expect([ids.length, ids[0], ids.at(-1)]).toEqual([12, "r10", "a"]);
  });

  test("are none where what is kept is something else, or nothing may be kept", () => {
    for (const odd of ["{", "7", '[1,{"a":2}]']) expect(recentRuns(storage(odd))).toEqual([]);
    const forbidden = () => {
      throw new Error("forbidden");
    };
    expect(recentRuns({ getItem: forbidden })).toEqual([]);
    rememberRun("a", { getItem: forbidden, setItem: forbidden });
  });
});

test("Arrow keys lead from bar to bar and never out of the timeline", () => {
  const lane = (bars: number): Lane => ({
    ...{ key: "k", kind: "task", label: "k", marks: [] },
    bars: Array.from({ length: bars }, (_, i) => ({
      ...{ key: `${i}`, kind: "task", label: "", fromMs: 0, toMs: 0, end: "told", tone: "good" },
      ...{ status: undefined, agent: undefined },
    })),
  });
  const lanes = [lane(1), lane(3), lane(2)];
  const walk = (from: string, ...keys: string[]) => keys.reduce((at, key) => fieldAfter(lanes, at, key) ?? at, from);
  expect(walk("0/0", "ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight")).toBe("1/2");
  expect(walk("1/2", "ArrowDown")).toBe("2/1");
  expect(walk("0/0", "ArrowUp", "ArrowLeft")).toBe("0/0");
  expect(walk("0/0", "End")).toBe("2/0");
  expect(fieldAfter(lanes, "0/0", "x")).toBeUndefined();
  expect(fieldAfter([], "0/0", "ArrowDown")).toBeUndefined();
});

test("A run under way reaches to now, and one that was not heard for a day to its last event", () => {
  const event = { type: "boot", run_id: "r", timestamp: "2026-02-20T01:00:00Z" } as const;
  const atMs = Date.parse(event.timestamp);
  expect(reachMs([event], atMs + 5000)).toBe(atMs + 5000);
  expect(reachMs([event], atMs - 5000)).toBe(atMs);
  expect(reachMs([event], atMs + 25 * 3_600_000)).toBe(atMs);
});
