import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Bus } from "../../src/bus/bus.ts";
import { openEmbeddedBus } from "../../src/bus/embedded.ts";
import type { LogsAgent } from "../../src/logs/agent.ts";
import { systemClock } from "../../src/protocol/clock.ts";
import { startChromium } from "../support/chromium.ts";
import { axe, type DashboardOptions, type OpenedDashboard, openDashboard } from "../support/dashboard.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { LogWriter } from "../support/log-writer.ts";
import { LogDirectory } from "../support/logs.ts";

const esc = String.fromCharCode(27);
let browser: Browser;
let bus: Bus;
let gateway: Gateway;
let agent: LogsAgent;
const files = new LogDirectory();
beforeAll(async () => {
  browser = await startChromium();
  bus = await openEmbeddedBus({ file: ":memory:", clock: systemClock });
  agent = await files.startAgent(bus, { limits: { batchMs: 10 } });
  gateway = await startGateway({ bus, limits: { queueBytes: 64 * 1024 * 1024, queueFrames: 65_536 } });
});
afterAll(async () => {
  await browser?.close();
  await gateway?.close();
  await agent?.close();
  await bus?.close();
  files[Symbol.dispose]();
});

/** Opens the page of a log when the agent has found it: who asks before that is told that there is none. */
async function open(place: string, options: DashboardOptions = {}): Promise<OpenedDashboard> {
  const [, name] = /^#\/logs\/(.+)/.exec(place) ?? [];
  const address = `${gateway.url}/api/instances/${name}/logs?lines=0`;
  if (name) await expect.poll(async () => (await fetch(address)).status).toBe(200);
  return openDashboard({ browser, url: gateway.url }, place, options);
}
const counted = (page: Page) => page.locator(".toolbar .end").innerText();
const lastShown = (page: Page) => page.locator(".rows > *").last().innerText();
const found = (page: Page) => page.locator("output").innerText();
const resume = (page: Page) => page.locator("button.resume");
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `line ${from + i}`);

/** The rows that lie in the window, from top to bottom, as text. */
function inSight(page: Page): Promise<string[]> {
  return page.evaluate(`{
    const box = document.querySelector(".box").getBoundingClientRect();
    [...document.querySelectorAll(".rows > *")]
      .filter((row) => {
        const { top, bottom } = row.getBoundingClientRect();
        return top >= box.top - 1 && bottom <= box.bottom + 1;
      })
      .map((row) => row.textContent);
  }`);
}

const scrollTo = (page: Page, share: number) =>
  page.evaluate(`{
    const box = document.querySelector(".box");
    box.scrollTop = (box.scrollHeight - box.clientHeight) * ${share};
  }`);

test("Without a name the view offers logs to choose from, and takes a name that it does not know", async () => {
  await gateway.publish("instances/web-1", { status: "running" });
  files.append("quiet", "one", "two");
  await using opened = await open("#/logs");
  const { page, faults } = opened;
  await expect.poll(() => page.locator("main li a").allInnerTexts()).toEqual(["web-1"]);
  await page.locator("main input[type=search]").fill("quiet");
  await page.keyboard.press("Enter");
  await expect.poll(() => lastShown(page)).toBe("two");
  expect(await page.title()).toBe("quiet · Logs · Skein");
  await page.getByLabel("Instance").fill("nobody");
  await page.keyboard.press("Enter");
  await expect.poll(() => page.locator("main [role=alert]").innerText()).toContain("nobody");
  expect(faults).toEqual([]);
});

test("A log is shown as it is written, in its colours, with a rule wherever its file was changed", async () => {
  const link = `${esc}]8;;http://example.com${esc}\\here${esc}]8;;${esc}\\`;
  files.append("colours", `${esc}[1;31mERROR${esc}[0m plain ${esc}[38;5;208morange${esc}[0m ${link}`);
  await using opened = await open("#/logs/colours");
  const { page, faults } = opened;
  await expect.poll(() => lastShown(page)).toBe("ERROR plain orange here");
  expect(await page.locator(".rows .ansi-red-fg.ansi-bold").innerText()).toBe("ERROR");
  expect(await page.getByText("orange", { exact: true }).getAttribute("class")).toBe("ansi-fg");
  files.append("colours", `<img src=x onerror="document.title=1">${"x".repeat(2000)}`, "last of the old");
  await expect.poll(() => lastShown(page)).toBe("last of the old");
  expect(await page.locator(".rows img").count()).toBe(0);
  files.rotate("colours");
  files.append("colours", "first of the new");
  await expect.poll(() => lastShown(page)).toBe("first of the new");
  files.truncate("colours");
  await expect
    .poll(() => page.locator(".rows .rule").allInnerTexts())
    .toEqual([
      expect.stringMatching(/^rotated at .* another name/),
      expect.stringMatching(/^gap · what was written after byte 17 may be lost/),
      expect.stringMatching(/^rotated at .* truncated/),
    ]);
  expect(await counted(page)).toBe("4 lines");
  expect(await page.evaluate("document.querySelector('.rows .rule').getBoundingClientRect().right")).toBeLessThan(1280);
  expect(await axe(page)).toEqual([]);
  expect(faults).toEqual([]);
});

describe("A log of a hundred thousand lines", () => {
  const total = 100_000;
  /** Follows a log and has it grow to that many lines while the page is open, because a page begins with the newest thousand. */
  async function grow(page: Page, name: string): Promise<void> {
    await expect.poll(() => lastShown(page)).toBe("line 0");
    for (let from = 1; from < total; from += 10_000) {
      const to = Math.min(from + 10_000, total);
      files.append(name, ...numbers(from, to));
      await expect.poll(() => counted(page)).toBe(`${to.toLocaleString("en")} lines`);
    }
  }
  test("has only the rows in sight in the page, and shows the right ones wherever it is scrolled to", async () => {
    files.append("long", "line 0");
    await using opened = await open("#/logs/long");
    const { page, faults } = opened;
    await grow(page, "long");
    expect(await lastShown(page)).toBe(`line ${total - 1}`);
    for (const share of [0.5, 0.123, 0, 0.9]) {
      await scrollTo(page, share);
      await expect.poll(async () => (await inSight(page)).length).toBeGreaterThan(10);
      const [first = "", ...rest] = await inSight(page);
      const at = Number(first.slice(5));
      expect(rest).toEqual(numbers(at + 1, at + 1 + rest.length));
      expect(at / total).toBeCloseTo(share, 2);
      expect(await page.locator(".rows > *").count()).toBeLessThan(100);
    }
    expect(faults).toEqual([]);
  });
});

test("Scrolling up pauses a log: it stands still, counts what comes, and End leads back to the newest line", async () => {
  files.append("paused", ...numbers(0, 500));
  await using opened = await open("#/logs/paused");
  const { page, faults } = opened;
  await expect.poll(() => lastShown(page)).toBe("line 499");
  expect(await resume(page).count()).toBe(0);
  await page.locator(".box").hover();
  await page.mouse.wheel(0, -900);
  await expect.poll(() => resume(page).innerText()).toContain("Paused");
  // The wheel turns for a while.
  const top = () => page.evaluate<number>("document.querySelector('.box').scrollTop");
  const isStill = async () => (await top()) === (await page.evaluate("new Promise(requestAnimationFrame)").then(top));
  await expect.poll(isStill).toBe(true);
  const before = await inSight(page);
  files.append("paused", ...numbers(500, 600));
  await expect.poll(() => resume(page).innerText()).toContain("100 new lines");
  expect(await inSight(page)).toEqual(before);
  await page.keyboard.press("End");
  await expect.poll(() => lastShown(page)).toBe("line 599");
  expect(await resume(page).count()).toBe(0);
  await page.keyboard.press("f");
  await expect.poll(() => resume(page).count()).toBe(1);
  files.append("paused", ...numbers(600, 700));
  await expect.poll(() => resume(page).innerText()).toContain("100 new lines");
  await scrollTo(page, 1);
  await expect.poll(() => lastShown(page)).toBe("line 699");
  await expect.poll(() => resume(page).count()).toBe(0);
  expect(faults).toEqual([]);
});

test("Who leaves a log and comes right back finds what was there, and what came meanwhile", async () => {
  files.append("left", ...numbers(0, 50));
  files.rotate("left");
  files.append("left", ...numbers(50, 60));
  await using opened = await open("#/logs/left");
  const { page, faults } = opened;
  await expect.poll(() => lastShown(page)).toBe("line 59");
  const shown = await page.locator(".rows > *").allInnerTexts();
  await page.evaluate(`(async () => {
    location.hash = "#/fleet";
    while (!document.title.startsWith("Fleet")) await new Promise((resolve) => setTimeout(resolve, 5));
    history.back();
  })()`);
  files.append("left", "line 60");
  await expect.poll(() => lastShown(page)).toBe("line 60");
  expect(await page.locator(".rows > *").allInnerTexts()).toEqual([...shown, "line 60"]);
  expect(faults).toEqual([]);
});

test("Search counts the lines that match, leads from one to the next, and goes on while lines come", async () => {
  files.append("searched", ...numbers(0, 300), `${esc}[32mLi${esc}[0mne 42 in two colours`);
  await using opened = await open("#/logs/searched");
  const { page, faults } = opened;
  await expect.poll(() => lastShown(page)).toContain("two colours");
  await page.keyboard.press("/");
  await page.keyboard.type("line 4");
  await expect.poll(() => found(page)).toBe("in 12 lines");
  expect(new URL(page.url()).hash).toBe("#/logs/searched?search=line+4");
  expect(await page.locator("mark").allInnerTexts()).toEqual(["Li", "ne 4"]);
  await page.keyboard.press("Enter");
  await expect.poll(() => found(page)).toBe("line 1 of 12");
  expect(await page.locator(".current").innerText()).toBe("line 4");
  await page.keyboard.press("Shift+Enter");
  await expect.poll(() => found(page)).toBe("line 12 of 12");
  files.append("searched", ...numbers(400, 500));
  await expect.poll(() => found(page)).toBe("line 12 of 112");
  await page.getByRole("button", { name: "Next match" }).click();
  await expect.poll(() => page.locator(".current").innerText()).toBe("line 400");
  await expect.poll(() => inSight(page)).toContain("line 400");
  expect(await axe(page)).toEqual([]);
  await page.locator("main input[type=search]").fill("(no such");
  await expect.poll(() => found(page)).toBe("in no line");
  expect(faults).toEqual([]);
});

test("Wrapped lines take as many rows as they need, whatever their characters, and the address says so", async () => {
  const mixed = ["x".repeat(1000), "短い行 ".repeat(80), "a\tb\t".repeat(60), "👩‍👩‍👧 é ☃ ".repeat(40), "end"];
  files.append("wrapped", ...Array.from({ length: 40 }, () => mixed).flat());
  await using opened = await open("#/logs/wrapped", { viewport: { width: 700, height: 600 } });
  const { page, faults } = opened;
  await expect.poll(() => lastShown(page)).toBe("end");
  const overflows = () =>
    page.evaluate("{ const { scrollWidth, clientWidth } = document.querySelector('.box'); scrollWidth > clientWidth }");
  expect(await overflows()).toBe(true);
  await page.locator("h1").click();
  await page.keyboard.press("w");
  await expect.poll(() => new URL(page.url()).hash).toBe("#/logs/wrapped?wrap=1");
  for (const share of [1, 0.5, 0]) {
    await scrollTo(page, share);
    // Each row stands where its forerunner ends, and the sheet ends with the last of them.
    await expect.poll(() => inSight(page)).not.toEqual([]);
    const heights = await page.evaluate<number[]>(
      "[...document.querySelectorAll('.rows > *')].map((row) => row.offsetHeight % 18)",
    );
    expect(new Set(heights)).toEqual(new Set([0]));
  }
  await page.keyboard.press("End");
  const below = () =>
    page.evaluate(`{
      const sheet = document.querySelector(".sheet").getBoundingClientRect();
      Math.round(sheet.bottom - document.querySelector(".rows > :last-child").getBoundingClientRect().bottom)
    }`);
  await expect.poll(below).toBe(0);
  expect(await overflows()).toBe(false);
  expect(faults).toEqual([]);
});

test("A log is downloaded whole and copied as plain text", async () => {
  files.append("taken", ...numbers(0, 1500), `${esc}[31mred${esc}[0m`);
  await using opened = await open("#/logs/taken");
  const { page, faults } = opened;
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await expect.poll(() => lastShown(page)).toBe("red");
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Download" }).click(),
  ]);
  expect(download.suggestedFilename()).toBe("taken.log");
  expect(await text(await download.createReadStream())).toBe(await readFile(files.fileOf("taken"), "utf8"));
  await page.getByRole("button", { name: "Copy" }).click();
  await expect.poll(() => page.locator(".toasts").innerText()).toContain("1,000 lines copied");
  const copied = await page.evaluate<string>("navigator.clipboard.readText()");
  expect(copied.split("\n")).toEqual([...numbers(501, 1500), "red"]);
  expect(faults).toEqual([]);
});

test("Of ten thousand lines a second each is counted, and a picture costs no more than the rows in the window", async () => {
  await using writer = await LogWriter.start({
    path: files.fileOf("fast"),
    perSecond: 10_000,
    bytes: 60,
    areCut: false,
  });
  await using opened = await open("#/logs/fast");
  const { page, faults } = opened;
  await expect.poll(() => page.locator(".rows > *").count()).toBeGreaterThan(10);
  // How many rows are made for each picture, and how many pictures there are.
  await page.evaluate(`{
    globalThis.made = [];
    let rows = 0;
    new MutationObserver((changes) => { for (const { addedNodes } of changes) rows += addedNodes.length; })
      .observe(document.querySelector(".rows"), { childList: true });
    const picture = () => { made.push(rows); rows = 0; requestAnimationFrame(picture); };
    requestAnimationFrame(picture);
  }`);
  await writer.writes(12_000);
  const made = await page.evaluate<number[]>("made");
  const last = await writer.finish(0);
  await expect.poll(() => lastShown(page)).toContain(String(last).padStart(10, "0"));
  // As many rows as the window has at the most, however many lines come between two pictures.
  expect(Math.max(...made)).toBeLessThan(100);
  expect(made.filter((rows) => rows > 0).length).toBeGreaterThan(3);
  // Nothing was left out: the numbers of the lines are those of the counter, but for those before the page was opened.
  const lines = Number((await counted(page)).replaceAll(/\D/g, ""));
  await scrollTo(page, 0);
  const first = await page.locator(".rows > [data-number='0']").innerText();
  expect(last - Number(first.slice(0, 10)) + 1).toBe(lines);
  expect(await page.locator(".rule").count()).toBe(0);
  expect(faults).toEqual([]);
});
