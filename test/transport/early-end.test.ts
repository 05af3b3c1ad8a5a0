import { expect, test } from "vitest";
import { journalOf } from "../../src/stream/subject.ts";
import { runs } from "../../src/streams/runs.ts";
import { buses } from "../support/buses.ts";
import { follow } from "../support/client.ts";
import { startGateway } from "../support/gateway.ts";

const events = ["boot", "agent_start", "done"];

test.each(buses)(
  "On %s a run that ends while somebody begins to follow it is told from its start",
  async (_name, open) => {
    await using ground = await open();
    await using gateway = await startGateway({ bus: ground.bus });
    const journal = await ground.bus.journal(journalOf(runs));
    const attempts = Array.from({ length: 60 }, async (_, i) => {
      const run = `r${i}`;
      // Some begin a moment before, some after, some in between.
      await new Promise((resolve) => setTimeout(resolve, i % 12));
      const client = follow("ws", gateway.url, `runs/${run}`);
      for (const type of events) {
        await journal.append(
          `skein.default.runs.${run}`,
          new TextEncoder().encode(JSON.stringify({ type, agent: "a" })),
        );
      }
      const { code } = await client.ended;
      expect([code, ...client.frames.map(({ type }) => type)]).toEqual([1000, "snapshot", ...events]);
    });
    await Promise.all(attempts);
  },
);
