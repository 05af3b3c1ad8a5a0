import fc from "fast-check";
import { expect, test } from "vitest";
import type { AnyFrame } from "../../src/client/index.ts";
import { ScriptedBrowser, type ScriptedTab } from "./scripted-tabs.ts";

const upTo = (last: number) => Array.from({ length: last }, (_, i) => i + 1);

/** What is wrong with what a tab knows and has heard. */
function faultsOf({ id, known, heard }: ScriptedTab, last: number): string[] {
  const all = upTo(last);
  const faults = [];
  if (`${known}` !== `${all}`) faults.push(`${id} knows ${known} of ${last}`);
  if (heard.length > 0 && `${heard}` !== `${all.slice(-heard.length)}`) faults.push(`${id} heard ${heard} of ${last}`);
  return faults;
}

const which = fc.nat({ max: 5 });
/** What happens; only `pass` lets every tab do all there is to do. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("open" as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("close" as const, "crash" as const), which }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("freeze" as const, "thaw" as const), which }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("publish" as const) }) },
  { weight: 12, arbitrary: fc.record({ kind: fc.constant("turn" as const), which, tasks: fc.nat({ max: 6 }) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.constantFrom(1, 300, 3000, 9000) }) },
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

async function take(browser: ScriptedBrowser, one: Step): Promise<void> {
  if (one.kind === "open") browser.open();
  else if (one.kind === "publish") browser.run.publish();
  else if (one.kind === "pass") await browser.pass(one.ms);
  else {
    const tab = browser.tabs[one.which % browser.tabs.length];
    if (one.kind === "turn") for (let i = 0; i <= one.tasks; i++) tab?.turn();
    else if (one.kind === "freeze" || one.kind === "thaw")
      Object.assign(tab ?? {}, { isFrozen: one.kind === "freeze" });
    else if (tab && browser.tabs.length > 1) {
      if (one.kind === "close") tab.close();
      browser.crash(tab);
    }
  }
  // What a tab promised itself is kept before anything else happens.
  await new Promise((resolve) => setImmediate(resolve));
}

async function play(steps: readonly Step[]): Promise<void> {
  const browser = new ScriptedBrowser();
  browser.open();
  for (const one of steps) await take(browser, one);
  for (const tab of browser.tabs) tab.isFrozen = false;
  browser.run.publish();
  await browser.pass(30_000);
  expect(browser.tabs.flatMap((tab) => faultsOf(tab, browser.run.last))).toEqual([]);
  expect(browser.run.links.size).toBe(1);
}

test("However tabs come, go, crash and freeze: one has the connection, and each has every event once and in order", async () => {
  const property = fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 80, size: "max" }), play);
  await fc.assert(property, { numRuns: Number(process.env.SEEDS ?? 300) });
}, 120_000);

test("When another tab takes over nobody begins anew, also when the first to ask has nothing yet", async () => {
  const browser = new ScriptedBrowser();
  const [leader, knowing] = [browser.open(), browser.open()];
  await browser.pass(1000);
  browser.run.publish();
  await browser.settle();
  leader.isFrozen = true;
  // It waits for the state that the frozen one is to give, and is the first to lose patience.
  const waiting = browser.open({ looksEveryMs: 2000 });
  await browser.pass(9000);
  browser.run.publish();
  await browser.pass(1000);
  leader.isFrozen = false;
  await browser.pass(5000);
  expect([leader, knowing, waiting].flatMap((tab) => faultsOf(tab, 2))).toEqual([]);
  expect(knowing.beginnings).toBe(1);
});

test("When the tab that is to give the state says nothing, another one gives it", async () => {
  const browser = new ScriptedBrowser();
  const [leader, silent, able] = [browser.open(), browser.open(), browser.open()];
  await browser.pass(1000);
  browser.run.publish();
  // Who leads next is the last to ask, and so the last to be asked.
  browser.crash(leader);
  await browser.pass(1000);
  able.isFrozen = silent.isFrozen = true;
  const late = browser.open();
  await browser.pass(10);
  able.isFrozen = false;
  await browser.pass(20_000);
  silent.isFrozen = false;
  await browser.pass(1000);
  expect(browser.tabs.flatMap((tab) => faultsOf(tab, 1))).toEqual([]);
  expect([silent, able, late].map(({ beginnings }) => beginnings)).toEqual([1, 1, 0]);
});

test("Where the state is nothing that can be copied, the stream begins anew for all as soon as a tab joins", async () => {
  const browser = new ScriptedBrowser();
  const reduce = (known: unknown, frame: AnyFrame) => {
    const before = frame.type === "snapshot" ? [] : ((known ?? []) as unknown[]);
    return "n" in frame ? [...before, { n: frame.n, say: () => frame.n }] : before;
  };
  const first = browser.open({ reduce });
  await browser.pass(1000);
  browser.run.publish();
  await browser.pass(1000);
  const second = browser.open({ reduce });
  await browser.pass(50);
  expect([first, second].flatMap((tab) => faultsOf(tab, 1))).toEqual([]);
  expect([first, second].map(({ beginnings }) => beginnings)).toEqual([2, 1]);
});
