// A process of its own that appends for ever to the file it is given and says every position that was acknowledged.
import process from "node:process";
import { openEmbeddedBus } from "../../src/bus/embedded.ts";
import { systemClock } from "../../src/protocol/clock.ts";

const bus = await openEmbeddedBus({ file: process.argv[2] ?? "", clock: systemClock });
const journal = await bus.journal({ name: "runs", subjects: ["runs.>"], keepMs: 60_000 });
const encoder = new TextEncoder();

async function appendForEver(writer: number): Promise<never> {
  for (let i = 0; ; i += 1) {
    const { position } = await journal.append(`runs.${writer}`, encoder.encode(`${writer}:${i}`));
    process.stdout.write(`${position} ${writer}:${i}\n`);
  }
}

await Promise.all(Array.from({ length: 8 }, (_, writer) => appendForEver(writer)));
