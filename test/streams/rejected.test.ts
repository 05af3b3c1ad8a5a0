import { describe, expect, test } from "vitest";
import type { StoredDefinition } from "../../src/stream/define.ts";
import { withRooms } from "../../src/stream/rooms.ts";
import { journalOf, storeOf } from "../../src/stream/subject.ts";
import { productStreams } from "../../src/streams/all.ts";
import { Recorder } from "../bus/recorder.ts";
import type { Client } from "../support/client.ts";
import { buses, Scene } from "./scene.ts";
import { rightOf, type Wrong, wrongOf } from "./wrong.ts";

const dayMs = 24 * 60 * 60 * 1000;
const stored = withRooms(productStreams).filter((stream) => stream.kind === "table" || stream.kind === "feed");

/** What is found under `rejected`. */
interface Report {
  readonly subject: string;
  readonly position: number;
  readonly reason: string;
  readonly body?: string;
}

/** Puts a body where services on the bus put theirs; gives where it lies. */
async function put(scene: Scene, definition: StoredDefinition, { key, body }: { key: string; body: object }) {
  const names = (name: string) => (definition.pathPattern.names.includes(name) ? "r1" : key);
  const [tail = []] = definition.subjectPattern.expand(
    Object.fromEntries(
      definition.subjectPattern.names.filter((name) => name !== "entity").map((name) => [name, names(name)]),
    ),
  );
  const subject = ["skein", "acme", ...tail].join(".");
  const data = new TextEncoder().encode(JSON.stringify(body));
  if (definition.kind === "table") return (await scene.bus.table(storeOf(definition))).put(subject, data);
  return (await scene.bus.journal(journalOf(definition))).append(subject, data);
}

/** Hears what is rejected from now on. */
async function hearRejected({ bus }: Scene): Promise<Recorder> {
  const journal = await bus.journal({ name: "rejected", subjects: ["skein.*.rejected.>"], keepMs: dayMs });
  const recorder = new Recorder();
  journal.follow(recorder);
  await recorder.until(({ levels }) => levels > 0);
  return recorder;
}

async function reportsIn(recorder: Recorder, count: number): Promise<Map<number, Report>> {
  await recorder.until(({ messages }) => messages.length >= count);
  const reports: Report[] = recorder.messages.map(({ data }) => JSON.parse(new TextDecoder().decode(data)));
  return new Map(reports.map((report) => [report.position, report]));
}

/** An event that belongs to the subject, of the types that it may have there. */
function isHere({ body }: Pick<Wrong, "body">): boolean {
  return !("type" in body && String(body.type).startsWith("job."));
}

describe.each(buses)("Over %s,", (_, open) => {
  test.each(stored)(
    "whatever is wrong in a body of $path is shown to nobody, and reported once with the field",
    async (stream) => {
      await using scene = await Scene.open(open);
      // An instance that is archived is shown to those who ask for it.
      const query = stream.path === "instances" ? "?include_archived=true" : "";
      const address = stream.pathPattern.fill(() => "r1").join("/") + query;
      using ws = scene.follow("ws", address);
      using sse = scene.follow("sse", address);
      const rejected = await hearRejected(scene);
      await Promise.all([ws.count(1), sse.count(1)]);
      const before = ws.raw.length;
      const cases = wrongOf(stream).filter(isHere);
      expect(cases.length).toBeGreaterThan(5);
      const positions: number[] = [];
      for (const [i, { body }] of cases.entries())
        positions.push((await put(scene, stream, { key: `k${i}`, body })).position);
      const reports = await reportsIn(rejected, cases.length);
      for (const [i, { field, what }] of cases.entries()) {
        const report = reports.get(positions[i] ?? 0);
        expect(report?.reason, what).toMatch(new RegExp(`^"${field}(?:\\.[^"]*)?"(?:: | contradicts)`));
        expect(report?.body === undefined, what).toBe(stream.rejectedBody === "hidden");
      }
      expect(reports.size).toBe(cases.length);
      const right = rightOf(stream).filter((body) => isHere({ body }));
      for (const [i, body] of right.entries()) await put(scene, stream, { key: `good${i}`, body });
      // A lease says nothing to clients, and after the end of a run nothing is said at all.
      const told = right.filter((body) => !("type" in body && body.type === "tool_lease"));
      const isPing = (body: object) => "type" in body && body.type === "ping";
      const wanted = told.filter((body) => !isPing(body)).length;
      // On a slow machine a tool's lease may lapse meanwhile, which is told as well.
      const heard = ({ raw }: Client) => raw.filter((json) => !/lapsed|"type":"ping"/.test(json)).length - before;
      for (const client of [ws, sse]) await client.until(() => heard(client) >= wanted);
      expect([heard(ws), heard(sse)]).toEqual([wanted, wanted]);
    },
  );
});
