import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startChromium } from "../support/chromium.ts";
import { axe, openDashboard } from "../support/dashboard.ts";
import { type FleetGateway, startFleet, templates } from "../support/fleet.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { enforced, token } from "../support/tokens.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await startChromium();
});
afterAll(() => browser?.close());

const row = (page: Page, name: string) => page.locator(`tbody tr[data-name="${name}"]`);
const state = (page: Page, name: string) => row(page, name).locator(".badge").innerText();
const names = (page: Page) => page.locator("tbody th").allInnerTexts();
const toasts = (page: Page) => page.locator(".toasts").innerText();

describe("With nodes that run instances, the fleet", () => {
  let fleet: FleetGateway;
  beforeAll(async () => {
    fleet = await startFleet(templates);
  });
  afterAll(() => fleet?.[Symbol.asyncDispose]());

  const command = (path: string, body?: object) =>
    fetch(`${fleet.url}/api/instances${path}`, {
      method: "POST",
      ...(body ? { body: JSON.stringify(body) } : {}),
    });

  /** Chooses a command that has no button of its own, and says yes when asked. */
  async function choose(page: Page, name: string, label: string, isAsked = true): Promise<void> {
    await row(page, name).getByRole("button", { name: "More commands" }).click();
    await page.getByRole("menuitem", { name: label }).click();
    if (isAsked) await page.locator("dialog[open]").getByRole("button", { name: label }).click();
  }

  test("begins with templates, and an instance is made, stopped, archived, brought back, cloned and deleted", async () => {
    await using opened = await openDashboard({ browser, url: fleet.url }, "#/fleet");
    const { page, faults } = opened;
    await expect.poll(() => page.locator("main").innerText()).toContain("skein new");
    await page.getByRole("button", { name: "sleeper", exact: true }).click();
    const dialog = page.locator("dialog[open]");
    await expect.poll(() => dialog.innerText()).toContain("Sleeps");
    await dialog.getByLabel("Name").fill("first");
    await dialog.getByLabel("seconds").fill("not a number");
    expect(await axe(page)).toEqual([]);
    await dialog.getByRole("button", { name: "Make it" }).click();
    await expect.poll(() => dialog.getByRole("alert").innerText()).toContain("seconds");
    await dialog.getByLabel("seconds").fill("300");
    await dialog.getByRole("button", { name: "Make it" }).click();
    await expect.poll(() => state(page, "first")).toMatch(/running/);
    expect(await toasts(page)).toContain("first is made and starts");

    await row(page, "first").getByRole("button", { name: "Stop first" }).click();
    const asked = page.locator("dialog[open]");
    expect(await asked.innerText()).toContain("Stop first?");
    expect(await page.evaluate("document.activeElement.textContent.trim()")).toBe("Cancel");
    await page.keyboard.press("Escape");
    await expect.poll(() => asked.count()).toBe(0);
    expect(await state(page, "first")).toMatch(/running/);
    await row(page, "first").getByRole("button", { name: "Stop first" }).click();
    await asked.getByRole("button", { name: "Stop" }).click();
    await expect.poll(() => state(page, "first")).toMatch(/stopped/);

    await choose(page, "first", "Archive");
    await expect.poll(() => row(page, "first").count()).toBe(0);
    await page.getByLabel("Archived ones, too").check();
    await expect.poll(() => state(page, "first")).toMatch(/archived/);
    expect(page.url()).toContain("archived=1");
    await row(page, "first").getByRole("button", { name: "Unarchive first" }).click();
    await expect.poll(() => state(page, "first")).toMatch(/stopped/);

    await choose(page, "first", "Clone…", false);
    await page.locator("dialog[open]").getByLabel("Name").fill("second");
    await page.locator("dialog[open]").getByRole("button", { name: "Clone" }).click();
    await expect.poll(() => state(page, "second")).toMatch(/running/);
    expect(await row(page, "second").innerText()).toContain("here");
    await choose(page, "first", "Delete");
    await expect.poll(() => row(page, "first").count()).toBe(0);
    expect(faults.filter((fault) => !fault.includes("400"))).toEqual([]);
  });

  test("says in the gateway's words why a command came too late, and offers what the state allows", async () => {
    await command("", { name: "late", template: "sleeper" });
    await using opened = await openDashboard({ browser, url: fleet.url }, "#/fleet?search=late");
    const { page } = opened;
    await expect.poll(() => state(page, "late")).toMatch(/stopped/);
    // Somebody else is a moment earlier.
    await page.route("**/api/instances/late/start", async (route) => {
      await command("/late/start");
      await route.continue();
    });
    await row(page, "late").getByRole("button", { name: "Start late" }).click();
    await expect.poll(() => toasts(page)).toMatch(/late is (starting|running) already/);
    await page.getByRole("button", { name: "Dismiss" }).click();
    await expect.poll(() => toasts(page)).toBe("");
    await expect.poll(() => state(page, "late")).toMatch(/running/);
    await row(page, "late").getByRole("button", { name: "More commands" }).press("Enter");
    await expect.poll(() => page.locator("[role=menuitem]").allInnerTexts()).toEqual(["Restart", "Clone…"]);
    await page.keyboard.press("ArrowDown");
    expect(await page.evaluate("document.activeElement.textContent.trim()")).toBe("Clone…");
    await page.keyboard.press("Escape");
    await expect.poll(() => page.locator("[role=menuitem]").first().isVisible()).toBe(false);
  });

  test("shows how an instance ended that failed", async () => {
    await command("", { name: "broken-1", template: "broken" });
    await command("/broken-1/start");
    await using opened = await openDashboard({ browser, url: fleet.url }, "#/fleet?state=failed");
    await expect.poll(() => state(opened.page, "broken-1")).toMatch(/failed\s*· exit 7/);
    expect(await names(opened.page)).toEqual(["broken-1"]);
  });
});

describe("A table of many instances", () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await startGateway();
    const states = ["running", "stopped", "failed", "draining"];
    const owned = { node: "host-1", template: "agent", params: { model: "small" }, restarts: 0 };
    for (let n = 1; n <= 240; n++) {
      const own = n % 4 === 0 ? {} : owned;
      await gateway.publish(`instances/agent-${n}`, { status: states[n % 4], port: 20_000 - n, ...own });
    }
  });
  afterAll(() => gateway?.close());

  test("is filtered, sorted and counted, and its address says how, for whoever gets the link", async () => {
    await using opened = await openDashboard({ browser, url: gateway.url }, "#/fleet");
    const { page, faults } = opened;
    await expect.poll(() => page.locator("tbody tr").count()).toBe(240);
    expect((await names(page)).slice(0, 3)).toEqual(["agent-1", "agent-2", "agent-3"]);
    expect(await page.getByRole("button", { name: "60 failed" }).isVisible()).toBe(true);
    await page.keyboard.press("/");
    await page.keyboard.type("small agent-23");
    await page.getByRole("button", { name: "60 failed" }).click();
    await expect.poll(() => names(page)).toEqual(["agent-230", "agent-234", "agent-238"]);
    await page.locator("thead").getByRole("button", { name: "Port" }).click();
    await expect.poll(() => names(page)).toEqual(["agent-238", "agent-234", "agent-230"]);
    expect(await page.locator("th[aria-sort]").getAttribute("aria-sort")).toBe("ascending");
    const { hash } = new URL(page.url());
    expect(hash).toBe("#/fleet?search=small+agent-23&state=failed&sort=port");
    await using other = await openDashboard({ browser, url: gateway.url }, hash);
    await expect.poll(() => names(other.page)).toEqual(["agent-238", "agent-234", "agent-230"]);
    await other.page.locator("input[type=search]").fill("nothing like it");
    await expect.poll(() => other.page.locator("main").innerText()).toContain("None of the 240 instances");
    await other.page.getByRole("button", { name: "Show all of them" }).click();
    await expect.poll(() => other.page.locator("tbody tr").count()).toBe(240);
    expect(faults).toEqual([]);
  });

  test("draws nothing but the row that a change is about", async () => {
    await using opened = await openDashboard({ browser, url: gateway.url }, "#/fleet");
    const { page } = opened;
    await expect.poll(() => page.locator("tbody tr").count()).toBe(240);
    await page.evaluate(`{
      globalThis.touched = new Set();
      new MutationObserver((changes) => {
        for (const { target } of changes) {
          const element = target.nodeType === 1 ? target : target.parentElement;
          const name = element.closest("tr")?.dataset.name;
          if (!element.closest("time")) touched.add(name ?? element.tagName);
        }
      }).observe(document.querySelector("tbody"), { subtree: true, childList: true, characterData: true, attributes: true });
    }`);
    await gateway.publish("instances/agent-200", { status: "stopping", port: 1, pid: 77 });
    await expect.poll(() => state(page, "agent-200")).toMatch(/stopping/);
    expect(await page.evaluate("[...touched]")).toEqual(["agent-200"]);
  });

  test("offers no command for what Skein does not run, and none to whoever may only look", async () => {
    await using opened = await openDashboard({ browser, url: gateway.url }, "#/fleet?search=agent-1");
    const { page } = opened;
    await expect.poll(() => row(page, "agent-100").count()).toBe(1);
    expect(await row(page, "agent-100").getByRole("button").count()).toBe(0);
    expect(await row(page, "agent-101").getByRole("button").count()).toBe(2);
    await using closed = await startGateway({ auth: enforced });
    await closed.publish("instances/a", { status: "stopped", node: "n", template: "t" }, await token());
    const looking = { token: await token({ roles: ["viewer"] }) };
    await using watched = await openDashboard({ browser, url: closed.url }, "#/fleet", looking);
    await expect.poll(() => row(watched.page, "a").count()).toBe(1);
    expect(await row(watched.page, "a").getByRole("button").count()).toBe(0);
    expect(await watched.page.getByRole("button", { name: "New instance" }).count()).toBe(0);
    expect(watched.faults).toEqual([]);
  });

  test("leads from a row to the log and the messages of its instance", async () => {
    await using opened = await openDashboard({ browser, url: gateway.url }, "#/fleet?search=agent-77");
    const { page } = opened;
    const links = row(page, "agent-77").locator("td a");
    await expect.poll(() => links.count()).toBe(2);
    expect([await links.nth(0).getAttribute("href"), await links.nth(1).getAttribute("href")]).toEqual([
      "#/logs/agent-77",
      "#/messages?instance=agent-77",
    ]);
  });
});
