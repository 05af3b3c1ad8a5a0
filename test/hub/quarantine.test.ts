import { describe, expect, test } from "vitest";
import { journalOf, storeOf } from "../../src/stream/subject.ts";
import { runs } from "../../src/streams/runs.ts";
import { swarm } from "../../src/streams/swarm.ts";
import { Recorder } from "../bus/recorder.ts";
import { buses } from "../support/buses.ts";
import { follow, transports } from "../support/client.ts";
import { startGateway } from "../support/gateway.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const dayMs = 24 * 60 * 60 * 1000;
const deep = `{"status":"busy","deep":${"[".repeat(10_000)}${"]".repeat(10_000)}}`;
const subject = (tail: string) => `skein.default.${tail}`;

describe.each(buses)("Over %s,", (_, open) => {
  test("a row and an event that fail today's limits are skipped by every reader, reported once and deleted like any other", async () => {
    await using place = await open();
    const { bus } = place;
    const table = await bus.table(storeOf(swarm));
    const journal = await bus.journal(journalOf(runs));
    await table.put(subject("swarm.agents.bad"), bytes(deep));
    await table.put(subject("swarm.agents.good"), bytes('{"status":"busy"}'));
    await journal.append(subject("runs.r1"), bytes(deep));
    await journal.append(subject("runs.r1"), bytes('{"type":"boot","name":"good"}'));
    const rejected = await bus.journal({ name: "rejected", subjects: ["skein.*.rejected.>"], keepMs: dayMs });
    const recorder = new Recorder();
    rejected.follow(recorder);
    await recorder.until(({ levels }) => levels > 0);
    for (let start = 0; start < 2; start++) {
      await using gateway = await startGateway({ bus });
      for (const transport of transports) {
        using members = follow(transport, gateway.url, "swarm");
        using run = follow(transport, gateway.url, "runs/r1");
        const [, snapshot] = await members.count(2);
        expect(snapshot).toMatchObject({ type: "snapshot", agents: [{ agent_id: "good" }] });
        expect((await run.count(2)).slice(0, 2)).toMatchObject([{ type: "snapshot", count: 1 }, { name: "good" }]);
      }
      const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
      expect(metrics).toContain('skein_messages_rejected_total{stream="swarm"} 1\n');
      expect(metrics).toContain("\nskein_unexpected_exceptions_total 0\n");
    }
    await recorder.until(({ messages }) => messages.length > 1);
    // An event that was stored while no gateway ran is reported when its stream is read.
    const reported = recorder.messages.map((message) => message.subject);
    expect(reported.toSorted()).toEqual([subject("rejected.runs.r1"), subject("rejected.swarm.agents.bad")]);
    await table.put(subject("swarm.agents.bad"), new Uint8Array(0));
    await using gateway = await startGateway({ bus });
    using members = follow("ws", gateway.url, "swarm");
    await members.count(2);
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(metrics).not.toContain("skein_messages_rejected_total{");
  });
});
