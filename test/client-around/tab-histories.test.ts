import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connect } from "../../src/client/index.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { layWire } from "../support/proxy.ts";

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway?.close());

/** What happens, one after the other; tabs are named by how long they have been there. */
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("open" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("close" as const), which: fc.nat({ max: 5 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("publish" as const), count: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cut" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("breathe" as const), ms: fc.nat({ max: 20 }) }) },
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** A tab that writes down every number that it hears. Node has the locks and the channels of a browser. */
function openTab(url: string, run: string) {
  const skein = connect(url, { share: "tabs" });
  const stream = skein.stream(run, { keep: 10_000 });
  const heard: number[] = [];
  stream.onFrame((frame) => {
    // A fresh snapshot replaces what came before it.
    if (frame.type === "snapshot") heard.length = 0;
    else if ("n" in frame) heard.push(Number(frame.n));
  });
  const known = () => (stream.getSnapshot() ?? []).map(({ n }) => Number(n));
  return { heard, known, close: () => skein.close() };
}

async function play(steps: readonly Step[], run: string): Promise<void> {
  await using wire = await layWire(gateway.url);
  const tabs = [openTab(wire.url, run)];
  let n = 0;
  const publish = () => gateway.publish(run, { type: "task_end", n: ++n });
  for (const one of steps) {
    if (one.kind === "open") tabs.push(openTab(wire.url, run));
    else if (one.kind === "publish") for (let i = 0; i < one.count; i++) await publish();
    else if (one.kind === "cut") wire.cut();
    else if (one.kind === "close" && tabs.length > 1) tabs.splice(one.which % tabs.length, 1)[0]?.close();
    else if (one.kind === "breathe") await new Promise((resolve) => setTimeout(resolve, one.ms));
  }
  await publish();
  const all = Array.from({ length: n }, (_, i) => i + 1);
  try {
    for (const { known, heard } of tabs) {
      await expect.poll(known, { timeout: 15_000, interval: 5 }).toEqual(all);
      expect(heard).toEqual(all.slice(all.length - heard.length));
    }
  } finally {
    for (const tab of tabs) tab.close();
  }
}

test("Whatever tabs come and go, and wherever the wire is cut: each has every event, and hears each once and in order", async () => {
  let count = 0;
  const property = fc.asyncProperty(fc.array(step, { maxLength: 14 }), (steps) => play(steps, `runs/h${count++}`));
  await fc.assert(property, { numRuns: Number(process.env.SEEDS ?? 6), endOnFailure: true });
}, 120_000);
