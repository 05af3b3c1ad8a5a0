import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startChromium } from "../support/chromium.ts";
import { axe, openDashboard } from "../support/dashboard.ts";
import { campaigns, storyMs, tasks } from "../support/demo-story.ts";
import { type DemoWorld, openDemoWorld } from "../support/demo-world.ts";

let browser: Browser;
let world: DemoWorld;
beforeAll(async () => {
  [browser, world] = await Promise.all([startChromium(), openDemoWorld()]);
  await world.tell([...tasks, ...campaigns]);
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await browser?.close();
});

const patience = { timeout: 15_000 };

/** Where a view has something to show, and a word of it; of any other view, its own name. */
const places: Readonly<Record<string, readonly [place: string, word: string]>> = {
  fleet: ["fleet", "reviewer-1"],
  logs: ["logs/coder-1", "passed in 9.4 s"],
  messages: ["messages?correlation=order-7741", "review.remarks"],
  runs: ["runs/checkout-redesign", "Payment form"],
  graph: ["graph", "playwright"],
  crews: ["crews", "payments"],
  tasks: ["tasks?instance=coder-1", "refused card"],
  swarm: ["swarm", "orion"],
  campaigns: ["campaigns", "Campaigns"],
  gateway: ["gateway", "Frames a second"],
};

const looks = [
  ["light", 1280, 800],
  ["dark", 360, 740],
] as const;

async function viewsOf(page: Page): Promise<string[]> {
  await expect.poll(() => page.locator("nav a").count()).toBeGreaterThan(0);
  return page.evaluate(`[...document.querySelectorAll("nav a")].map(({ hash }) => hash.replace("#/", ""))`);
}

describe.each(looks)("In %s, %i pixels wide", (colorScheme, width, height) => {
  test("every view shows what there is, and axe finds nothing serious in it", async () => {
    const options = { colorScheme, viewport: { width, height }, token: world.token };
    const prepare = (page: Page) => page.clock.setFixedTime(storyMs);
    await using opened = await openDashboard({ browser, url: world.gateway.url }, "#/fleet", { ...options, prepare });
    const { page, faults } = opened;
    const found: string[] = [];
    const views = await viewsOf(page);
    expect(views).toEqual(expect.arrayContaining(Object.keys(places)));
    for (const name of views) {
      const [place, word] = places[name] ?? [name, name];
      await page.goto(`${world.gateway.url}/#/${place}`);
      await expect.poll(() => page.locator("main").innerText(), patience).toContain(word);
      found.push(...(await axe(page)).map((fault) => `${name}: ${fault}`));
      const wide = await page.evaluate<number>("document.documentElement.scrollWidth");
      if (wide > width) found.push(`${name}: the page is ${wide} pixels wide`);
      found.push(...faults.splice(0).map((fault) => `${name}: ${fault}`));
    }
    expect(found).toEqual([]);
  }, 120_000);
});

test("Every page says what it may load, and a script that somebody puts into it does nothing", async () => {
  for (const path of ["", "streams.html"]) {
    const answer = await fetch(`${world.gateway.url}/${path}`);
    expect(answer.headers.get("content-security-policy")).toMatch(
      /default-src 'none'; script-src 'self'; style-src 'self'/,
    );
    expect(await answer.text()).not.toMatch(/<script(?![^>]*\ssrc=)|\sstyle=|\son\w+=/);
  }
  await using opened = await openDashboard({ browser, url: world.gateway.url }, "#/fleet");
  const { page, faults } = opened;
  await page.evaluate(`{
    const script = document.createElement("script");
    script.textContent = "document.title = 'broken'";
    document.body.append(script);
  }`);
  await expect.poll(() => faults.join()).toContain("Content Security Policy");
  expect(await page.title()).not.toBe("broken");
});
