import { setTimeout } from "node:timers/promises";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { openWithKey, token } from "../support/tokens.ts";
import { contextFor, openPage } from "./pages.ts";

/** Between two events; the rest of the machine is for the pages. */
const paceMs = 20;

let browser: Browser;
let gateway: Gateway;
beforeAll(async () => {
  browser = await launchChromium();
  gateway = await startGateway({ auth: openWithKey });
});
afterAll(async () => {
  await browser?.close();
  await gateway?.close();
});

/** How many connections a gateway has. */
async function connections(): Promise<number> {
  const text = await (await fetch(`${gateway.url}/metrics`)).text();
  const found = [...text.matchAll(/^skein_connections\{.*\} (\d+)$/gm)];
  return found.reduce((sum, [, count]) => sum + Number(count), 0);
}

/** Follows a run in a page, over a connection that tabs share, and writes down the `n` of every event and of the state. */
const follow = (run: string, options = "{}") => `(() => {
  globalThis.skein = connect(location.origin, { share: "tabs", ...${options} });
  globalThis.run = skein.stream("runs/${run}", { keep: 100_000 });
  globalThis.heard = [];
  // A fresh snapshot replaces what came before it.
  run.onFrame(({ n, type }) => type === "snapshot" ? heard.length = 0 : n !== undefined && heard.push(n));
  run.subscribe(() => {});
})()`;

const heard = (page: Page) => page.evaluate<number[]>("heard");
const known = (page: Page) => page.evaluate<number[]>("(run.getSnapshot() ?? []).map(({ n }) => n)");

async function openTab(context: BrowserContext, run: string, options = "{}"): Promise<Page> {
  const page = await openPage(context, gateway.url);
  await page.evaluate(follow(run, options));
  return page;
}

const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

/** Publishes numbered events to a run of its own until it is stopped; says the last number then. */
function publishing() {
  const run = crypto.randomUUID();
  let n = 0;
  let isOver = false;
  const work = (async () => {
    while (!isOver) {
      await gateway.publish(`runs/${run}`, { type: "task_end", n: ++n });
      await setTimeout(paceMs);
    }
  })();
  const past = async (more: number) => {
    const wanted = n + more;
    await expect.poll(() => n, { interval: 5 }).toBeGreaterThanOrEqual(wanted);
  };
  const end = async () => {
    isOver = true;
    await work;
    return n;
  };
  return { run, past, end };
}

/** Every page has every event once, in order, in its state, and what it heard of has no gap and nothing twice. */
async function agree(pages: readonly Page[], last: number): Promise<void> {
  for (const page of pages) {
    await expect.poll(async () => (await known(page)).at(-1), { timeout: 20_000 }).toBe(last);
    expect(await known(page)).toEqual(upTo(last));
    const numbers = await heard(page);
    expect(numbers).toEqual(upTo(last, numbers[0] ?? last + 1));
  }
}

/** Makes the process of a page die, as it does when it has no memory left. */
async function crash(page: Page): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  const crashed = page.waitForEvent("crash");
  devtools.send("Page.crash").catch(() => {});
  await crashed;
}

test("Tabs share one connection, and every tab has every event once, whenever it joined and however the one before it went", async () => {
  await using context = await contextFor(browser, gateway.url);
  const published = publishing();
  const { run } = published;
  const pages = [await openTab(context, run), await openTab(context, run)];
  await published.past(20);
  pages.push(await openTab(context, run), await openTab(context, run));
  await published.past(20);
  await expect.poll(connections).toBe(1);
  for (const depart of [(page: Page) => page.close(), crash, (page: Page) => page.evaluate("skein.close()")]) {
    const [leader] = pages.splice(0, 1);
    if (leader) await depart(leader);
    await published.past(20);
    pages.push(await openTab(context, run));
  }
  await published.past(20);
  await agree(pages, await published.end());
  expect(await connections()).toBe(1);
});

test("A tab that is frozen while it has the connection is relieved, and has missed nothing when it wakes up", async () => {
  await using context = await contextFor(browser, gateway.url);
  const published = publishing();
  const pages = [];
  for (let i = 0; i < 3; i++) pages.push(await openTab(context, published.run));
  const [frozen, ...others] = pages;
  if (!frozen) throw new Error("No page");
  await expect.poll(async () => (await known(frozen)).length).toBeGreaterThan(0);
  const devtools = await context.newCDPSession(frozen);
  await devtools.send("Debugger.enable");
  // A page that is stopped at a breakpoint holds its locks and answers nobody, like one that is frozen.
  const stopped = frozen.evaluate("debugger").catch(() => {});
  await published.past(20);
  const behind = (await known(others[0] as Page)).length;
  await expect
    .poll(async () => (await known(others[0] as Page)).length, { timeout: 25_000 })
    .toBeGreaterThan(behind + 20);
  await devtools.send("Debugger.resume");
  await stopped;
  await agree(pages, await published.end());
  await expect.poll(connections).toBe(1);
}, 60_000);

test("What one tab says to a stream is said for all of them, also when another tab has the connection", async () => {
  await using context = await contextFor(browser, gateway.url);
  await gateway.publish("instances/old", { status: "stopped", archived_at: "2026-01-01T00:00:00Z" });
  await gateway.publish("instances/new", { status: "running" });
  const pages = [];
  for (let i = 0; i < 3; i++) {
    const page = await openPage(context, gateway.url);
    await page.evaluate(`globalThis.skein = connect(location.origin, { share: "tabs" });
      globalThis.rows = skein.stream("instances"); void rows.subscribe(() => {});`);
    await expect.poll(() => page.evaluate("rows.getSnapshot()?.size")).toBe(1);
    pages.push(page);
  }
  await pages[2]?.evaluate("rows.send({ type: 'set_include_archived', value: true })");
  for (const page of pages) await expect.poll(() => page.evaluate("rows.getSnapshot()?.size")).toBe(2);
  const refused = await pages[1]?.evaluate(
    "skein.stream('nobody').send({ type: 'x' }).catch(({ message }) => message)",
  );
  expect(refused).toContain("nobody");
});

test("Tabs of different people, and tabs of a browser without locks, share nothing", async () => {
  await using context = await contextFor(browser, gateway.url);
  const tokens = await Promise.all(["ann", "ann", "bob"].map((sub) => token({ org: "default", sub })));
  const pages = [];
  const run = crypto.randomUUID();
  for (const one of tokens) pages.push(await openTab(context, run, JSON.stringify({ token: one })));
  const alone = await openPage(context, gateway.url, {
    init: "Object.defineProperty(navigator, 'locks', { value: undefined })",
  });
  await alone.evaluate(follow(run));
  await gateway.publish(`runs/${run}`, { type: "boot", n: 1 }, tokens[0]);
  await gateway.publish(`runs/${run}`, { type: "boot", n: 2 });
  await agree([...pages, alone], 2);
  // Two of Ann's share one, Bob has his, and so has the tab that cannot share.
  expect(await connections()).toBe(3);
});
