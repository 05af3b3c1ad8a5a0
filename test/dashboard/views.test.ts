import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
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
  campaigns: ["campaigns", "Rockyou with rules"],
  gateway: ["gateway", "Frames a second"],
};

const looks = [
  { colorScheme: "light", width: 1280, height: 800 },
  { colorScheme: "dark", width: 360, height: 740 },
] as const;

async function viewsOf(page: Page): Promise<string[]> {
  await expect.poll(() => page.locator("nav a").count()).toBeGreaterThan(0);
  return page.evaluate(`[...document.querySelectorAll("nav a")].map(({ hash }) => hash.replace("#/", ""))`);
}

/** What is wrong with the view that a page shows, in light on a desk and in dark in a hand. */
async function faultsIn(page: Page): Promise<string[]> {
  const found: string[] = [];
  for (const { colorScheme, width, height } of looks) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height });
    const wide = await page.evaluate<number>("document.documentElement.scrollWidth");
    const beyond = wide > width ? [`the page is ${wide} pixels wide`] : [];
    for (const fault of [...(await axe(page)), ...beyond]) found.push(`${colorScheme}, ${width}: ${fault}`);
  }
  return found;
}

test("Every view shows what there is, and axe finds nothing serious in it, in light on a desk and in dark in a hand", async () => {
  await using opened = await openDashboard({ browser, url: world.gateway.url }, "#/fleet", {
    token: world.token,
    prepare: (page) => page.clock.setFixedTime(storyMs),
  });
  const { page, faults } = opened;
  const found: string[] = [];
  const views = await viewsOf(page);
  expect(views).toEqual(expect.arrayContaining(Object.keys(places)));
  for (const name of views) {
    const [place, word] = places[name] ?? [name, name];
    await page.goto(`${world.gateway.url}/#/${place}`);
    await expect.poll(() => page.locator("main").innerText(), patience).toContain(word);
    for (const fault of [...(await faultsIn(page)), ...faults.splice(0)]) found.push(`${name}: ${fault}`);
  }
  expect(found).toEqual([]);
}, 120_000);

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
