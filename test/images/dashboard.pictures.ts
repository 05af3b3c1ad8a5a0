import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startChromium } from "../support/chromium.ts";
import { openDashboard, takePicture } from "../support/dashboard.ts";
import { logLine } from "../support/demo-log.ts";
import { campaigns, storyMs, tasks, toolNews } from "../support/demo-story.ts";
import { type DemoWorld, loggedInstance, openDemoWorld } from "../support/demo-world.ts";
import { withPalette } from "./palette.ts";
import { liveThrough, openTraffic } from "./traffic.ts";

/** What a picture may weigh, so that a clone stays small. */
const mostBytes = 150 * 1024;

let browser: Browser;
let world: DemoWorld;
beforeAll(async () => {
  [browser, world] = await Promise.all([startChromium(), openDemoWorld()]);
  await world.tell(tasks.filter(isUnderWay));
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await browser?.close();
});

/** Takes the picture of a page, with as few bytes as it needs. */
async function take(page: Page, name: string): Promise<void> {
  await takePicture(page, name);
  const file = fileURLToPath(new URL(`../../docs/images/${name}.png`, import.meta.url));
  const small = withPalette(readFileSync(file));
  writeFileSync(file, small);
  expect(small.length, name).toBeLessThan(mostBytes);
}

const patience = { timeout: 15_000 };

const desktop = { width: 1280, height: 800 };
const phone = { width: 390, height: 844 };

interface Look {
  readonly name: string;
  readonly colorScheme?: "light" | "dark";
  readonly viewport?: { readonly width: number; readonly height: number };
  /** A word that is there when all is. */
  readonly word: string;
  /** What happens while the page is open. */
  readonly meanwhile?: (page: Page) => Promise<unknown>;
}

/** Opens a place, waits until it shows what it has, and takes its picture. */
async function picture(place: string, { name, word, meanwhile, ...look }: Look): Promise<void> {
  await using opened = await openDashboard({ browser, url: world.gateway.url }, place, {
    viewport: desktop,
    ...look,
    token: world.token,
    prepare: (page) => page.clock.setFixedTime(storyMs),
  });
  const { page, faults } = opened;
  await meanwhile?.(page);
  await expect.poll(() => page.locator("main").innerText(), patience).toContain(word);
  await expect.poll(() => page.locator("header .pulse").innerText(), patience).toMatch(/Live/);
  await page.evaluate("document.fonts.ready");
  await page.mouse.move(0, 0);
  await take(page, name);
  expect(faults).toEqual([]);
}

test.each(["light", "dark"] as const)("the fleet in %s", async (colorScheme) => {
  await picture("#/fleet", { name: `fleet-${colorScheme}`, colorScheme, word: "writer-1" });
});

test("the fleet on a phone", async () => {
  await picture("#/fleet", { name: "fleet-phone", viewport: phone, word: "coder-1" });
});

test("a log, with its colours and a rotation", async () => {
  await picture(`#/logs/${loggedInstance}`, {
    name: "logs",
    colorScheme: "dark",
    word: "18 tests passed",
    meanwhile: async (page) => {
      await expect.poll(() => page.locator("main").innerText(), patience).toContain("tests passed");
      world.logs.rotate(loggedInstance);
      world.logs.append(loggedInstance, ...Array.from({ length: 9 }, (_, n) => logLine(160 + n)));
      await expect.poll(() => page.locator("main").innerText(), patience).toContain("09:40:");
    },
  });
});

test("a chain of messages", async () => {
  await picture("#/messages?correlation=order-7741", { name: "messages", word: "review.remarks" });
});

test("a run", async () => {
  await picture("#/runs/checkout-redesign", { name: "runs", word: "Payment form" });
});

test("agents with their tools", async () => {
  await picture("#/graph", {
    name: "graph",
    word: "41 of 63 passed",
    meanwhile: async (page) => {
      await expect.poll(() => page.locator("main").innerText(), patience).toContain("playwright");
      await world.tell(toolNews);
    },
  });
});

test("crews", async () => {
  await picture("#/crews", {
    name: "crews",
    word: "search",
    meanwhile: async (page) => {
      await expect.poll(() => page.locator("main").innerText(), patience).toContain("payments");
      await page.clock.setFixedTime(storyMs + 95_000);
      await world.tell([{ tail: "mission.search", body: { status: "busy", lead: "scout-1" }, agoS: 0 }]);
      await expect.poll(() => page.locator("main").innerText(), patience).toMatch(/search\s+.*busy/);
      await page.clock.setFixedTime(storyMs + 252_000);
      await expect.poll(() => page.locator("main").innerText(), patience).toContain("4 min ago");
    },
  });
});

test("tasks of an instance", async () => {
  const over = tasks.filter((one) => !isUnderWay(one));
  await picture(`#/tasks?instance=${loggedInstance}`, {
    name: "tasks",
    word: "old cart",
    meanwhile: async (page) => {
      await expect.poll(() => page.locator("main").innerText(), patience).toContain("Coupons");
      await world.tell(over);
    },
  });
});

test("a swarm", async () => {
  await picture("#/swarm", { name: "swarm", colorScheme: "dark", word: "orion" });
});

test("campaigns, agents and toasts", async () => {
  await picture("#/campaigns", {
    name: "campaigns",
    word: "Rockyou",
    meanwhile: async (page) => {
      await expect.poll(() => page.locator("header .pulse").innerText(), patience).toMatch(/Live/);
      await world.tell(campaigns);
      await expect.poll(() => page.locator("body").innerText(), patience).toMatch(/12\s+NTLM/);
    },
  });
});

test("what the gateway is doing", async () => {
  await using busy = await openDemoWorld();
  using traffic = await openTraffic(busy);
  await using opened = await openDashboard({ browser, url: busy.gateway.url }, "#/gateway", {
    token: busy.token,
    viewport: desktop,
    prepare: async (page) => {
      await page.clock.install({ time: storyMs });
      await page.clock.pauseAt(storyMs + 1);
    },
  });
  const { page } = opened;
  await liveThrough(traffic, page);
  await take(page, "gateway");
});

/** Whether somebody who comes later is still told of it. */
function isUnderWay({ body }: { readonly body: Readonly<Record<string, unknown>> }): boolean {
  return !/COMPLETED|FAILED/.test(JSON.stringify(body));
}
