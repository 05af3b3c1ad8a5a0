import { describe, expect, test } from "vitest";
import { Frame } from "../../src/protocol/frame.ts";
import { bodyBytesMax, identifierLengthMax, textBytesMax } from "../../src/protocol/limits.ts";
import { accept } from "../../src/stream/accept.ts";
import type { StoredDefinition } from "../../src/stream/define.ts";
import { withRooms } from "../../src/stream/rooms.ts";
import { productStreams } from "../../src/streams/all.ts";

const stored = withRooms(productStreams).filter((stream) => stream.kind === "table" || stream.kind === "feed");

function streamOf(path: string): StoredDefinition {
  const found = stored.find((stream) => stream.path === path);
  if (!found) throw new Error(`No stream ${path}`);
  return found;
}

function accepted(path: string, names: Readonly<Record<string, string>>, body: object | string): unknown {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return accept(streamOf(path), { names, atMs: 0 }, new TextEncoder().encode(text));
}

const long = "x".repeat(identifierLengthMax + 1);
const longText = "é".repeat(textBytesMax / 2 + 1);
const tool = { type: "tool_start", tool: "t" };

/** A body whose field is one too long, and the field. */
const tooLong: readonly (readonly [path: string, names: Record<string, string>, body: object, field: string])[] = [
  ["instances", { name: "a" }, { status: long }, "status"],
  ["instances", { name: "a" }, { status: "x", archived_at: long }, "archived_at"],
  ["instances", { name: "a" }, { status: "x", node: long }, "node"],
  ["instances", { name: "a" }, { status: "x", template: long }, "template"],
  ["swarm", { entity: "agents", id: "a" }, { status: long }, "status"],
  ["runs/:run_id", { run_id: "r" }, { type: "boot", crew_id: long }, "crew_id"],
  ["runs/:run_id", { run_id: "r" }, { type: "boot", name: longText }, "name"],
  ["runs/:run_id", { run_id: "r" }, { type: "task_end", task_id: long }, "task_id"],
  ["runs/:run_id", { run_id: "r" }, { type: "error", message: longText }, "message"],
  ["graph", { crew_id: "c" }, { ...tool, run_id: long }, "run_id"],
  ["graph", { crew_id: "c" }, { ...tool, agent_id: long }, "agent_id"],
  ["graph", { crew_id: "c" }, { ...tool, type: "tool_progress", message: longText }, "message"],
  ["live/agents", { id: "a" }, { type: "agent.error", message: longText }, "message"],
  ["live/agents", { id: "a" }, { type: "agent.heartbeat", state: long }, "state"],
  [
    "tasks/:instance_id",
    { instance_id: "i" },
    { type: "task_update", task_id: "t", data: { message: longText } },
    "data.message",
  ],
];

describe("A body", () => {
  test.each(tooLong)(
    "of %s with %o and a field that is too long is refused by its name",
    (path, names, body, field) => {
      expect(() => accepted(path, names, body)).toThrow(
        expect.objectContaining({
          code: "invalid_body",
          message: expect.stringMatching(`^"${field}": must have at most `),
        }),
      );
    },
  );

  test("of messages may have a detail of 4 KiB, and no longer", () => {
    const event = { event: "failed", from: "a", to: "b", message_type: "t", detail: longText.slice(1) };
    expect(accepted("messages", { message_id: "m" }, event)).toMatchObject({ detail: longText.slice(1) });
    expect(() => accepted("messages", { message_id: "m" }, { ...event, detail: longText })).toThrow('"detail"');
    expect(() => accepted("messages", { message_id: "m" }, { ...event, correlation_id: long })).toThrow(
      '"correlation_id"',
    );
  });

  test("may have free fields of any length within its size", () => {
    const filler = "x".repeat(bodyBytesMax - 100);
    expect(accepted("mission", { crew_id: "c" }, { status: "busy", filler })).toMatchObject({ filler });
    expect(() =>
      accepted("mission", { crew_id: "c" }, { status: "busy", filler: `${filler}${"x".repeat(100)}` }),
    ).toThrow(`The body must not be larger than ${bodyBytesMax} bytes`);
  });

  test("that becomes longer when its numbers are written out is refused, so that its frame is within the limit", () => {
    const many = (count: number) => `{"status":"busy","n":[${"1e15,".repeat(count)}0]}`;
    expect(() => accepted("mission", { crew_id: "c" }, many(50_000))).toThrow("once written out");
    const body = accepted("mission", { crew_id: "c" }, many(16_000)) as object;
    expect(new Frame({ type: "signal", ...body }).bytes.length).toBeLessThan(320 * 1024);
  });
});
