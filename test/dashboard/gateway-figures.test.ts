import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { farewellOf } from "../../src/dashboard/gateway/farewell.ts";
import { extended, noHistory, spanMs } from "../../src/dashboard/gateway/history.ts";
import { clicked, columns, orderIn, sorted, textOf } from "../../src/dashboard/gateway/order.ts";
import { bytesText, durationText, rateText } from "../../src/dashboard/gateway/quantity.ts";
import type { Report } from "../../src/dashboard/gateway/report.ts";

const startMs = Date.UTC(2026, 5, 1);

/** A report of a gateway that was started at `startedMs`. */
function report(atMs: number, delivered: number, startedMs = startMs): Report {
  return {
    version: "0.1.0",
    started_at: new Date(startedMs).toISOString(),
    now: new Date(atMs).toISOString(),
    bus: { kind: "nats", state: "up" },
    org: "acme",
    connections: { ws: 1, sse: 2, poll: 3 },
    delivered,
    lagged: 0,
    stuck: 0,
    resumes: { resumed: 0, expired: 0 },
    rejected: {},
    latency: { turns: 0, p50_ms: null, p95_ms: null, p99_ms: null },
    queued: { frames: 0, bytes: 0 },
    open: [],
    closed: [],
  };
}

describe("The charts of a gateway", () => {
  test("make a rate of two counts, and none of counts of another life", () => {
    const known = [report(startMs, 100), report(startMs + 2000, 150)].reduce(extended, noHistory);
    expect(known.own.map(({ framesPerS }) => framesPerS)).toEqual([undefined, 25]);
    const anew = extended(known, report(startMs + 4000, 500, startMs + 3000));
    expect(anew.own.at(-1)?.framesPerS).toBeUndefined();
    expect(extended(anew, report(startMs + 6000, 510, startMs + 3000)).own.at(-1)?.framesPerS).toBe(5);
  });

  test("make no rate of two looks at almost the same time, and show what the later one saw", () => {
    const known = [report(startMs, 100), report(startMs + 2000, 150), report(startMs + 2010, 170)].reduce(
      extended,
      noHistory,
    );
    expect(known.own.map(({ framesPerS }) => framesPerS)).toEqual([undefined, 25]);
    expect(known.last?.delivered).toBe(170);
    expect(extended(known, report(startMs + 4000, 210)).own.at(-1)?.framesPerS).toBe(30);
  });

  test("show a gap where nobody looked, and forget what is older than they look back", () => {
    const times = [0, 2000, 4000, 60_000, 62_000].map((ms) => report(startMs + ms, 0));
    const known = times.reduce(extended, noHistory);
    expect(known.own.map(({ ws }) => ws)).toEqual([1, 1, 1, undefined, 1, 1]);
    expect(extended(known, report(startMs + spanMs + 61_000, 0)).own.map(({ ws }) => ws)).toEqual([1, undefined, 1]);
  });

  test("have the time in order, whatever the clock of the gateway does", () => {
    const property = fc.property(fc.array(fc.integer({ min: 0, max: 1000 }), { maxLength: 60 }), (times) => {
      let history = noHistory;
      for (const ms of times.map((seconds) => seconds * 1000)) {
        history = extended(history, report(startMs + ms, ms));
        const kept = history.own.map(({ atMs }) => atMs);
        expect(kept).toEqual([...new Set(kept)].toSorted((a, b) => a - b));
        expect(kept.at(-1)).toBe(startMs + ms);
      }
    });
    fc.assert(property);
  });
});

describe("The table of connections", () => {
  const one = {
    ...{ transport: "ws", org: "acme", subject: "ann", streams: ["instances"], stream_count: 1, frames: 1 },
  };
  const rows = [
    { ...one, id: 1, since: "2026-06-01T00:00:00Z", bytes: 5, queued_frames: 0, queued_bytes: 0 },
    { ...one, id: 2, since: "2026-06-01T01:00:00Z", bytes: 9, queued_frames: 2, queued_bytes: 7, subject: "zoe" },
    { ...one, id: 3, since: "2026-06-01T02:00:00Z", bytes: 1, queued_frames: 0, queued_bytes: 8 },
  ];

  test.each([
    [null, [2, 3, 1]],
    ["-queue", [2, 3, 1]],
    ["queue", [1, 3, 2]],
    ["-sent", [2, 1, 3]],
    ["-age", [1, 2, 3]],
    ["age", [3, 2, 1]],
    ["-subject", [2, 3, 1]],
    ["no such column", [2, 3, 1]],
  ])("is in the order that %j in a link says", (text, ids) => {
    expect(sorted(rows, orderIn(text)).map(({ id }) => id)).toEqual(ids);
  });

  test("goes by what is clicked, and the link says the same", () => {
    const names = Object.keys(columns) as (keyof typeof columns)[];
    const property = fc.property(fc.array(fc.constantFrom(...names)), (clicks) => {
      const order = clicks.reduce(clicked, orderIn(null));
      expect(orderIn(textOf(order) ?? null)).toEqual(order);
      expect(clicked(clicked(order, order.column), order.column)).toEqual(order);
    });
    fc.assert(property);
  });

  test("says in words why a connection ended", () => {
    const ended = { ...one, id: 1, since: "", bytes: 0, queued_frames: 0, queued_bytes: 0, closed_at: "" };
    const text = (by: string, code: number | null, reason: string | null) =>
      farewellOf({ ...ended, by, code, reason }).text;
    expect(text("gateway", 4401, "token_expired")).toBe("The token had expired");
    expect(text("gateway", 4999, "something_new")).toBe("something_new");
    expect(text("client", 1006, null)).toBe("The connection was lost");
    expect(text("client", 4321, null)).toContain("a code of its own");
    expect(text("client", null, null)).toBe("The client closed it");
  });
});

test("Quantities are short, and right to two digits", () => {
  expect([0, 1, 1023, 1024, 1500, 150_000, 5e6, 3e12].map(bytesText)).toEqual([
    "0 B",
    "1 B",
    "1023 B",
    "1.0 KB",
    "1.5 KB",
    "146 KB",
    "4.8 MB",
    "2.7 TB",
  ]);
  expect([0.0234, 0.5, 9.96, 12.3, 999, 1300].map(durationText)).toEqual([
    "0.023 ms",
    "0.5 ms",
    "10 ms",
    "12 ms",
    "999 ms",
    "1.3 s",
  ]);
  expect([0, 0.25, 9.94, 12.3, 12_345].map(rateText)).toEqual(["0", "0.3", "9.9", "12", "12,345"]);
});
