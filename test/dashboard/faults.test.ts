import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, test, vi } from "vitest";
import { openEmbeddedBus } from "../../src/bus/embedded.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { startBlockingProxy } from "../support/blocking-proxy.ts";
import { startChromium } from "../support/chromium.ts";
import { ManualClock } from "../support/clock.ts";
import { type OpenedDashboard, openDashboard } from "../support/dashboard.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { enforced, token } from "../support/tokens.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await startChromium();
});
afterAll(() => browser?.close());

// A page waits by the clock before it tries again, so all tests wait together; a busy machine makes it wait another round.
const patience = { timeout: 45_000 };
vi.setConfig({ testTimeout: 90_000 });

/** What the badge in the head of the page says. */
const badge = async (page: Page) => (await page.locator("header .pulse").innerText()).replaceAll(/\s+/g, " ");

/** The fleet as the page shows it: names with their states. */
async function fleet(page: Page): Promise<string[]> {
  const rows = await page.locator("main table tbody tr").all();
  const cells = rows.map(async (row) => {
    const name = await row.locator("th, td").first().innerText();
    return `${name.trim()} ${(await row.locator(".badge").first().innerText()).replace(/^\W+/, "").trim()}`;
  });
  return (await Promise.all(cells)).toSorted();
}

/** What a page may say on its console when its gateway is not there, or a proxy refuses. */
const expected =
  /ERR_CONNECTION_REFUSED|WebSocket connection to .* failed|ERR_CONNECTION_RESET|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE|502/;

const unexpected = ({ faults }: OpenedDashboard) => faults.filter((fault) => !expected.test(fault));

const put = ({ publish }: Gateway, name: string, status: string) => publish(`instances/${name}`, { status });

describe.concurrent("When the gateway goes away", () => {
  test.for([
    ["says goodbye", 200],
    ["is gone at once", 0],
  ] as const)(
    "and %s, the badge says so, and what happened meanwhile is there when it is back",
    async ([, drainMs], { expect }) => {
      await using bus = await closing(openEmbeddedBus({ file: ":memory:", clock: systemClock }));
      const gateway = await startGateway({ bus });
      const port = Number(new URL(gateway.url).port);
      for (const name of ["changes", "stays", "goes"]) await put(gateway, name, "running");
      await using opened = await openDashboard({ browser, url: gateway.url }, "#/fleet");
      const { page } = opened;
      await expect.poll(() => fleet(page), patience).toEqual(["changes running", "goes running", "stays running"]);
      await expect.poll(() => badge(page), patience).toContain("Live · WebSocket");
      await gateway.close(drainMs);
      await expect.poll(() => badge(page), patience).toMatch(/Reconnecting|Connecting/);
      // What was known is still there to read.
      expect(await fleet(page)).toEqual(["changes running", "goes running", "stays running"]);
      await using other = await startGateway({ bus });
      await put(other, "changes", "failed");
      await other.publish("instances/goes", null);
      await put(other, "new", "starting");
      await using again = await startGateway({ bus, port });
      await expect.poll(() => fleet(page), patience).toEqual(["changes failed", "new starting", "stays running"]);
      await expect.poll(() => badge(page), patience).toContain("Live · WebSocket");
      await put(again, "new", "running");
      await expect.poll(() => fleet(page), patience).toContain("new running");
      expect(unexpected(opened)).toEqual([]);
    },
  );

  test("and a page is opened meanwhile in another tab, both are right afterwards", async ({ expect }) => {
    await using bus = await closing(openEmbeddedBus({ file: ":memory:", clock: systemClock }));
    await using gateway = await startGateway({ bus });
    await using proxy = await startBlockingProxy(gateway.url);
    await put(gateway, "a", "running");
    await using opened = await openDashboard({ browser, url: proxy.url }, "#/fleet");
    const { page } = opened;
    const tab = await page.context().newPage();
    await tab.goto(`${proxy.url}/#/fleet`);
    for (const one of [page, tab]) await expect.poll(() => fleet(one), patience).toEqual(["a running"]);
    proxy.treat({ ws: "refuse", sse: "refuse", poll: "refuse" });
    await expect.poll(() => badge(page), patience).not.toContain("Live · WebSocket");
    await put(gateway, "a", "stopped");
    proxy.treat({ ws: "pass", sse: "pass", poll: "pass" });
    for (const one of [page, tab]) {
      await expect.poll(() => fleet(one), patience).toEqual(["a stopped"]);
      await expect.poll(() => badge(one), patience).toContain("Live");
    }
    // One tab is closed, and the other goes on.
    await page.close();
    await put(gateway, "a", "running");
    await expect.poll(() => fleet(tab), patience).toEqual(["a running"]);
    expect(unexpected(opened)).toEqual([]);
  });
});

test.concurrent("Behind a proxy that refuses WebSocket it goes on over SSE, then by polling, and returns when it may", async ({
  expect,
}) => {
  await using gateway = await startGateway();
  await using proxy = await startBlockingProxy(gateway.url);
  proxy.treat({ ws: "refuse" });
  await put(gateway, "a", "s0");
  await using opened = await openDashboard({ browser, url: proxy.url }, "#/fleet");
  const { page } = opened;
  await expect.poll(() => badge(page), patience).toContain("Live · Server-Sent Events");
  await expect.poll(() => fleet(page), patience).toEqual(["a s0"]);
  await put(gateway, "a", "s1");
  await expect.poll(() => fleet(page), patience).toEqual(["a s1"]);
  proxy.treat({ sse: "hold" });
  await expect.poll(() => badge(page), patience).toContain("Live updates unavailable – polling");
  await put(gateway, "a", "s2");
  await expect.poll(() => fleet(page), patience).toEqual(["a s2"]);
  expect(proxy.asked.some((asked) => asked.startsWith("poll /poll/instances"))).toBe(true);
  proxy.treat({ ws: "pass", sse: "pass" });
  // The network came back, says the browser; otherwise the page would look again within half a minute.
  await page.evaluate("dispatchEvent(new Event('online'))");
  await expect.poll(() => badge(page), patience).toContain("Live · WebSocket");
  await put(gateway, "a", "s3");
  await expect.poll(() => fleet(page), patience).toEqual(["a s3"]);
  expect(unexpected(opened)).toEqual([]);
});

test.concurrent("When its token ends the page says so and asks for another one, and goes on with it", async ({
  expect,
}) => {
  const clock = new ManualClock(Date.now());
  await using gateway = await startGateway({ auth: enforced, clock });
  const expiresIn = (seconds: number) => token({ exp: Math.floor(clock.now() / 1000) + seconds });
  const first = await expiresIn(3600);
  await gateway.publish("instances/a", { status: "running" }, first);
  await using opened = await openDashboard({ browser, url: gateway.url }, "#/fleet", { token: first });
  const { page } = opened;
  await expect.poll(() => fleet(page), patience).toEqual(["a running"]);
  clock.pass(3700_000);
  await expect.poll(() => page.locator("main").innerText(), patience).toMatch(/Sign in[\s\S]*expired/);
  await page.locator("input[name=token]").fill(await expiresIn(100_000));
  await page.locator("main button[type=submit]").click();
  await expect.poll(() => fleet(page), patience).toEqual(["a running"]);
  await expect.poll(() => badge(page), patience).toContain("Live · WebSocket");
  expect(await page.locator("input[name=token]").count()).toBe(0);
  expect(unexpected(opened).filter((fault) => !fault.includes("401"))).toEqual([]);
});

describe.concurrent("Behind a path prefix that a proxy takes off", () => {
  const prefix = "/tools/skein";

  test.for([
    ["WebSocket", {}, "Live · WebSocket"],
    ["polling", { ws: "refuse", sse: "refuse" }, "polling"],
  ] as const)(
    "everything works over %s, and nothing is asked for outside it",
    async ([, treatments, says], { expect }) => {
      await using gateway = await startGateway({ auth: enforced });
      await using proxy = await startBlockingProxy(gateway.url, prefix);
      proxy.treat(treatments);
      const own = await token();
      await gateway.publish("instances/a", { status: "running" }, own);
      await using opened = await openDashboard({ browser, url: proxy.url }, "#/fleet", { token: own });
      const { page } = opened;
      await expect.poll(() => fleet(page), patience).toEqual(["a running"]);
      await expect.poll(() => badge(page), patience).toContain(says);
      const views = await page.locator("nav a").all();
      for (const view of views) {
        await view.click();
        await expect.poll(() => page.locator("main h1").count(), patience).toBe(1);
      }
      await expect.poll(() => page.locator(".tiles").innerText(), patience).toContain("embedded");
      expect(proxy.asked.filter((asked) => asked.endsWith("undefined"))).toEqual([]);
      expect(unexpected(opened)).toEqual([]);
    },
  );

  test("signing in with a token stays within it", async ({ expect }) => {
    await using gateway = await startGateway({ auth: enforced });
    await using proxy = await startBlockingProxy(gateway.url, prefix);
    await using opened = await openDashboard({ browser, url: proxy.url }, "#/fleet");
    const { page } = opened;
    await page.locator("input[name=token]").fill(await token());
    await page.locator("main button[type=submit]").click();
    await expect.poll(() => badge(page), patience).toContain("Live · WebSocket");
    expect(new URL(page.url()).pathname).toBe(`${prefix}/`);
    expect(proxy.asked.filter((asked) => asked.endsWith("undefined"))).toEqual([]);
  });
});

async function closing<Thing extends { close(): Promise<void> }>(
  opened: Promise<Thing>,
): Promise<Thing & AsyncDisposable> {
  const thing = await opened;
  return Object.assign(thing, { [Symbol.asyncDispose]: () => thing.close() });
}
