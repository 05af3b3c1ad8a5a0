import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startChromium } from "../support/chromium.ts";
import { type Client, follow } from "../support/client.ts";
import { openDashboard } from "../support/dashboard.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { enforced, token } from "../support/tokens.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await startChromium();
});
afterAll(() => browser?.close());

const patience = { timeout: 15_000 };

const open = (gateway: Gateway, place: string, options = {}) =>
  openDashboard({ browser, url: gateway.url }, place, options);

/** The tile of that name, as text. */
const tile = (page: Page, name: string) => page.locator(".tiles > div", { hasText: name }).innerText();

const rows = (page: Page, caption: string) =>
  page.locator("table", { hasText: caption }).locator("tbody tr").allInnerTexts();

/** What a chart says to somebody who cannot see it. */
const said = (page: Page, title: string) =>
  page.locator("figure", { hasText: title }).getByRole("img").getAttribute("aria-label");

test("The page of the gateway shows who is connected, what flows, and why connections ended", async () => {
  await using gateway = await startGateway();
  using socket = follow("ws", gateway.url, "instances");
  using events = follow("sse", gateway.url, "messages?instance=a");
  await Promise.all([socket.count(1), events.count(1)]);
  await using opened = await open(gateway, "#/gateway");
  const { page, faults } = opened;
  await expect.poll(() => tile(page, "Connections"), patience).toMatch(/2\s*1 WebSocket, 1 SSE, 0 polling/);
  expect(await tile(page, "Bus")).toMatch(/up · embedded/);
  expect(await rows(page, "Open connections")).toEqual([
    expect.stringMatching(/anonymous · default\s+sse\s+messages\?instance=a\s+nothing/),
    expect.stringMatching(/anonymous · default\s+ws\s+instances\s+nothing/),
  ]);
  for (let n = 1; n <= 40; n++) await gateway.publish("instances/a", { status: `s${n}` });
  await expect.poll(() => said(page, "Frames a second"), patience).toMatch(/between 0 and [1-9]/);
  await expect.poll(() => tile(page, "Frames a second"), patience).toContain("40 in all");
  expect(await tile(page, "Delivered within")).toMatch(/\d ms/);
  events.close();
  await expect
    .poll(() => rows(page, "have ended"), patience)
    .toEqual([expect.stringMatching(/sse\s+messages\?instance=a\s+.*The client went away/)]);
  await expect.poll(() => said(page, "Connections"), patience).toMatch(/SSE: now 0, between 0 and 1/);
  expect(faults).toEqual([]);
});

test("What is looked for and the order are in the address, and a link brings them back", async () => {
  await using gateway = await startGateway();
  const streams = ["instances", "messages", "runs/r1", "runs/r2"];
  const clients: Client[] = [];
  for (const stream of streams) {
    const client = follow("ws", gateway.url, stream);
    clients.push(client);
    // One after the other, so that their ages differ.
    await client.count(1);
  }
  await using opened = await open(gateway, "#/gateway?sort=-age");
  const { page, faults } = opened;
  const shown = async () => (await rows(page, "Open connections")).map((text) => /ws\s+(\S+)/.exec(text)?.[1]);
  await expect.poll(shown, patience).toEqual(streams);
  await page.keyboard.press("/");
  await page.keyboard.type("runs");
  await expect.poll(shown).toEqual(["runs/r1", "runs/r2"]);
  await page.getByRole("button", { name: "Open for" }).click();
  await expect.poll(shown).toEqual(["runs/r2", "runs/r1"]);
  expect(await page.getByRole("columnheader", { name: "Open for" }).getAttribute("aria-sort")).toBe("ascending");
  const { hash } = new URL(page.url());
  expect(hash).toBe("#/gateway?sort=age&search=runs");
  await using again = await open(gateway, hash);
  await expect
    .poll(async () => (await rows(again.page, "Open connections")).map((text) => /runs\/r\d/.exec(text)?.[0]), patience)
    .toEqual(["runs/r2", "runs/r1"]);
  for (const client of clients) client.close();
  expect(faults).toEqual([]);
});

test("It looks every two seconds while somebody can see it, and not behind another tab", async () => {
  await using gateway = await startGateway();
  await using opened = await open(gateway, "#/gateway", {
    prepare: async (page: Page) => {
      await page.clock.install();
      await page.addInitScript(
        "Object.defineProperty(document, 'hidden', { get: () => globalThis.isBehind === true })",
      );
    },
  });
  const { page, faults } = opened;
  let looks = 0;
  page.on("response", (response) => {
    if (response.url().includes("/api/gateway")) looks += 1;
  });
  const setBehind = (isBehind: boolean) =>
    page.evaluate(`globalThis.isBehind = ${isBehind}; document.dispatchEvent(new Event("visibilitychange"))`);
  await expect.poll(() => looks, patience).toBeGreaterThanOrEqual(2);
  await setBehind(true);
  // Whatever was under way is over when the page has asked for something else.
  await page.evaluate("fetch('healthz')");
  const paused = looks;
  await page.clock.runFor(60_000);
  await page.evaluate("fetch('healthz')");
  expect(looks).toBe(paused);
  await setBehind(false);
  await expect.poll(() => looks, patience).toBeGreaterThanOrEqual(paused + 2);
  expect(faults).toEqual([]);
});

test("While the gateway is away the page says that what it shows is old, and goes on by itself", async () => {
  const gateway = await startGateway();
  const port = Number(new URL(gateway.url).port);
  await using opened = await open(gateway, "#/gateway");
  const { page, faults } = opened;
  await expect.poll(() => tile(page, "Bus"), patience).toContain("up");
  await gateway.close();
  await expect.poll(() => page.locator("main").innerText(), patience).toMatch(/What stands here is old/);
  expect(await tile(page, "Bus")).toContain("up");
  await using _again = await startGateway({ port });
  await expect.poll(() => page.locator("main").innerText(), patience).not.toMatch(/What stands here is old/);
  expect(faults.filter((fault) => !/ERR_CONNECTION_(REFUSED|RESET)/.test(fault))).toEqual([]);
});

test("Somebody who is no operator is told whom the page is for", async () => {
  await using gateway = await startGateway({ auth: enforced });
  await using opened = await open(gateway, "#/gateway", { token: await token({ roles: ["viewer"] }) });
  const { page } = opened;
  await expect.poll(() => page.locator("main").innerText(), patience).toMatch(/for operators/);
  expect(await page.locator("figure").count()).toBe(0);
});

test("An operator of another org sees the own org only, and is offered nothing else", async () => {
  await using gateway = await startGateway({ auth: enforced });
  using other = follow("ws", gateway.url, "instances", await token({ org: "globex", sub: "gus" }));
  await other.count(1);
  await using opened = await open(gateway, "#/gateway", { token: await token() });
  const { page } = opened;
  await expect.poll(() => tile(page, "Connections"), patience).toMatch(/0 WebSocket/);
  expect(await page.locator("main").innerText()).not.toMatch(/globex|gus|all orgs/);
});

test("On a desk and in a hand nothing stands beyond the edge, and the pictures follow the colours and the width", async () => {
  await using gateway = await startGateway();
  using client = follow("ws", gateway.url, "?stream=instances&stream=messages&stream=runs%2Fa&stream=runs%2Fb");
  await client.count(4);
  await using opened = await open(gateway, "#/gateway");
  const { page, faults } = opened;
  await expect.poll(() => rows(page, "Open connections"), patience).toHaveLength(1);
  const fits = "[...document.querySelectorAll('.plot')].every((plot) => plot.scrollWidth <= plot.clientWidth)";
  for (const [colorScheme, width] of [
    ["dark", 1240],
    ["light", 360],
  ] as const) {
    // The canvas takes its colours from the page, and has to be told when they change.
    const drawn = () => page.evaluate<string>("document.querySelector('.uplot canvas').toDataURL()");
    const before = await drawn();
    await page.emulateMedia({ colorScheme });
    await expect.poll(drawn).not.toBe(before);
    await page.setViewportSize({ width, height: 800 });
    await expect.poll(() => page.evaluate(fits)).toBe(true);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
  }
  expect(faults).toEqual([]);
});
