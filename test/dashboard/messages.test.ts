import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startChromium } from "../support/chromium.ts";
import { axe, openDashboard } from "../support/dashboard.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { rest } from "../support/rest.ts";

let browser: Browser;
let gateway: Gateway;
beforeAll(async () => {
  [browser, gateway] = await Promise.all([startChromium(), startGateway()]);
});
afterAll(async () => {
  await browser?.close();
  await gateway?.close();
});

const open = (place: string) => openDashboard({ browser, url: gateway.url }, place);
const main = (page: Page) => page.locator("main").innerText();
const rows = (page: Page) => page.locator("main tbody tr");
/** The events in the table, from top to bottom, as `Sent t1`. */
async function told(page: Page): Promise<string[]> {
  const events = await page.locator("main tbody .badge").allInnerTexts();
  const types = await page.locator("main tbody td.name").allInnerTexts();
  return events.map((event, i) => `${/\w+/.exec(event)} ${types[i]}`);
}

interface Told {
  readonly from?: string;
  readonly to?: string;
  readonly chain?: string;
  readonly detail?: string;
}

/** Publishes an event of a message whose type is its id. */
function tell(id: string, event: string, { from = "a", to = "b", chain, detail }: Told = {}): Promise<number> {
  const more = { ...(chain && { correlation_id: chain }), ...(detail && { detail }) };
  return gateway.publish(`messages/${encodeURIComponent(id)}`, { event, from, to, message_type: id, ...more });
}

const evil = `<img src=x onerror="document.body.dataset.owned='1'"><script>document.body.dataset.owned='1'</script>`;

describe("The messages", () => {
  beforeAll(async () => {
    await tell("m1", "sent", { chain: "c1" });
    await tell("m1", "delivered", { chain: "c1" });
    await tell("m2", "sent", { from: "c", to: "d" });
  });

  test("come with their states in words, the newest first, and go on live", async () => {
    await using opened = await open("#/messages");
    const { page, faults } = opened;
    await expect.poll(() => told(page)).toEqual(["Sent m2", "Delivered m1", "Sent m1"]);
    await tell("m1", "acknowledged", { chain: "c1", detail: "on it" });
    await expect.poll(() => told(page)).toEqual(["Acknowledged m1", "Sent m2", "Delivered m1", "Sent m1"]);
    expect(await rows(page).first().innerText()).toContain("on it");
    expect(await axe(page)).toEqual([]);
    expect(faults).toEqual([]);
  });

  test("are filtered by agent and event, in an order, by an address that can be shared", async () => {
    await using opened = await open("#/messages");
    const { page, faults } = opened;
    await page.getByLabel("Agent").fill("c");
    await page.getByLabel("Agent").press("Enter");
    await expect.poll(() => told(page)).toEqual(["Sent m2"]);
    expect(page.url()).toMatch(/#\/messages\?instance=c$/);
    await page.getByLabel("Event").selectOption("Failed");
    await expect.poll(() => main(page)).toContain("No message fits this filter");
    await page.getByRole("button", { name: "Show all messages" }).click();
    await page.getByLabel("Order").selectOption("As they came");
    await expect.poll(async () => (await told(page))[0]).toBe("Sent m1");
    await page.goto(`${gateway.url}/#/messages?instance=a&event=delivered`);
    await expect.poll(() => told(page)).toEqual(["Delivered m1"]);
    expect(faults).toEqual([]);
  });

  test("of one chain are a sequence diagram, with a step for each event and a lifeline for each agent", async () => {
    const chain = { chain: "c2" };
    await tell("q1", "sent", chain);
    await tell("q1", "delivered", chain);
    await tell("q2", "sent", { ...chain, from: "b", to: "e" });
    await using opened = await open("#/messages?event=delivered");
    const { page, faults } = opened;
    await page.getByRole("button", { name: "c2", exact: true }).click();
    const steps = page.locator("svg .step");
    await expect.poll(() => steps.count()).toBe(3);
    expect(page.url()).toContain("correlation=c2");
    await expect.poll(() => page.locator("h2:focus").allInnerTexts()).toEqual(["Chain c2"]);
    expect(await page.locator("svg .agent text").allTextContents()).toEqual(["a", "b", "e"]);
    expect(await main(page)).toContain("2 messages between 3 agents: 1 delivered, 1 sent");
    await tell("q2", "delivered", { ...chain, from: "b", to: "e" });
    await tell("q2", "delivered", { ...chain, from: "b", to: "e", detail: "delivery 2" });
    await tell("q2", "failed", { ...chain, from: "b", to: "e", detail: "gave up" });
    await expect.poll(() => steps.count()).toBe(6);
    expect(await steps.locator("text:not(.side)").allTextContents()).toEqual([
      "q1",
      "delivered",
      "q2",
      "delivered",
      "delivered: delivery 2",
      "failed: gave up",
    ]);
    expect(await page.locator('svg .step[data-outcome="failed"]').count()).toBe(4);
    await page.getByRole("button", { name: "All messages" }).click();
    await expect.poll(() => steps.count()).toBe(0);
    expect(await page.locator("label:has(input:focus)").innerText()).toBe("Correlation id");
    expect(faults).toEqual([]);
  });

  test("show a payload only when it is asked for, with every digit", async () => {
    const letter = { from: "ann", to: "bob", message_type: "sum", payload: { n: 1 } };
    const digits = JSON.stringify(letter).replace('"n":1', '"n":12345678901234567890123');
    const sent = await rest(gateway.url, "POST messages", digits);
    expect(sent.status).toBe(201);
    await using opened = await open("#/messages?instance=ann");
    const { page, faults } = opened;
    const asked: string[] = [];
    page.on("request", (request) => request.url().includes("/api/messages/") && asked.push(request.url()));
    await expect.poll(() => told(page)).toContain("Sent sum");
    expect(asked).toEqual([]);
    expect(await page.content()).not.toContain("12345678901234567890123");
    await page
      .getByRole("button", { name: /^Payload of/ })
      .last()
      .click();
    const dialog = page.locator("dialog[open]");
    await expect.poll(() => dialog.innerText()).toContain('"n": 12345678901234567890123');
    expect(asked).toHaveLength(1);
    expect(await axe(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await expect.poll(() => page.content()).not.toContain("12345678901234567890123");
    expect(faults).toEqual([]);
  });

  test("say of an event that another service published why there is no payload", async () => {
    await using opened = await open("#/messages?instance=c");
    const { page } = opened;
    await page.getByRole("button", { name: "Payload of m2" }).click();
    await expect.poll(() => page.locator("dialog[open]").innerText()).toContain("Only messages that were sent through");
  });

  test("stay text, whatever is in them", async () => {
    await tell(evil, "sent", { from: evil, to: `${evil}2`, chain: evil, detail: evil });
    await using opened = await open(`#/messages?correlation=${encodeURIComponent(evil)}`);
    const { page, faults } = opened;
    await expect.poll(() => rows(page).count()).toBe(1);
    expect(await rows(page).first().innerText()).toContain(evil);
    expect(await page.locator("main img, main script").count()).toBe(0);
    expect(await page.locator("body").getAttribute("data-owned")).toBeNull();
    expect(faults).toEqual([]);
  });
});

describe("A run", () => {
  const run = (id: string, type: string, more: object = {}) =>
    gateway.publish(`runs/${encodeURIComponent(id)}`, { type, ...more });
  const bars = (page: Page) => page.locator(".track button.span");

  test("is a bar for each agent and task, which grow until it is done", async () => {
    await using opened = await open("#/runs/r1");
    const { page, faults } = opened;
    await expect.poll(() => main(page)).toContain("Nothing was heard of this run yet");
    expect(await axe(page)).toEqual([]);
    await run("r1", "boot", { name: "Nightly" });
    await run("r1", "agent_start", { agent_id: "planner" });
    await run("r1", "task_start", { agent_id: "planner", task_id: "t1", name: "Plan" });
    await expect.poll(() => bars(page).count()).toBe(3);
    expect(await page.locator(".lane .name").allInnerTexts()).toEqual(["", "Nightly", "planner", "Plan"]);
    expect(await main(page)).toContain("under way");
    const length = () => page.locator("main header .grows").innerText();
    const before = await length();
    await expect.poll(length).not.toBe(before);
    await run("r1", "error", { task_id: "t1", message: "no plan" });
    await run("r1", "task_end", { task_id: "t1", agent_id: "planner", status: "failed" });
    await run("r1", "done", { status: "failed", exit_code: 2 });
    await expect.poll(() => main(page)).toMatch(/failed\s+after .*\s+exit code 2/);
    expect(await page.locator(".track button.mark").count()).toBe(1);
    const names = (await page.locator(".track button .unseen").allTextContents()).join("\n");
    expect(names).toContain("planner, agent: no end was told");
    expect(names).toContain("Plan, task of planner: failed after");
    expect(names).toContain("Error in Plan");
    expect(faults).toEqual([]);
  });

  test("is read by the keyboard, can be zoomed by an address, and is a list as well", async () => {
    for (const type of ["boot", "agent_start", "agent_end", "done"])
      await run("r2", type, { agent_id: "solo", status: "ok" });
    await using opened = await open("#/runs/r2?zoom=4");
    const { page, faults } = opened;
    await expect.poll(() => bars(page).count()).toBe(2);
    const widthOf = async (selector: string) => (await page.locator(selector).boundingBox())?.width ?? 0;
    const [whole, seen] = [await widthOf(".wide"), await widthOf(".chart")];
    expect(whole).toBeGreaterThan(2 * seen);
    await bars(page).first().focus();
    await page.keyboard.press("ArrowDown");
    await expect.poll(() => page.locator("p.detail").innerText()).toContain("solo, agent: ok");
    await page.keyboard.press("0");
    await expect.poll(() => page.url()).toMatch(/#\/runs\/r2$/);
    await expect.poll(() => widthOf(".wide")).toBeCloseTo(seen, 0);
    await page.getByText("Events as a list (4)").click();
    expect(await rows(page).allInnerTexts()).toEqual([
      expect.stringContaining("Run ended"),
      ...Array(3).fill(expect.anything()),
    ]);
    expect(faults).toEqual([]);
  });

  test("is chosen by its id, and offered again to the browser that looked at it", async () => {
    await run("r 3/x", "boot", {});
    await using opened = await open("#/runs");
    const { page } = opened;
    await page.getByLabel("Run id").fill("r 3/x");
    await page.getByRole("button", { name: "Show", exact: true }).click();
    await expect.poll(() => bars(page).count()).toBe(1);
    await page.getByRole("link", { name: "← Runs" }).click();
    await page.getByRole("link", { name: "r 3/x" }).click();
    await expect.poll(() => bars(page).count()).toBe(1);
  });

  test("stays text, whatever is in it", async () => {
    await run("r4", "boot", { name: evil });
    await run("r4", "task_start", { task_id: evil, agent_id: evil, name: evil });
    await run("r4", "error", { message: evil });
    await run("r4", "task_end", { task_id: evil, agent_id: evil, status: evil });
    await using opened = await open("#/runs/r4");
    const { page, faults } = opened;
    await expect.poll(() => bars(page).count()).toBe(2);
    await page.getByText("Events as a list").click();
    expect(await main(page)).toContain(evil);
    expect(await page.locator("main img, main script").count()).toBe(0);
    expect(await page.locator("body").getAttribute("data-owned")).toBeNull();
    expect(faults).toEqual([]);
  });
});
